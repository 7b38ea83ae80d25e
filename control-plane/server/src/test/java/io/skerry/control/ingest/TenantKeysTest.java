package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.host.DataFolder;
import io.skerry.control.sql.TestPlane;
import io.skerry.protocol.TenantId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class TenantKeysTest {
  private static final TenantId TENANT = new TenantId("default");
  private static final String FILE = "samples-default.key";

  @Test
  void neverMakesAKeyAnewThatSomethingIsSealedWith(@TempDir Path temp) throws IOException {
    try (TestPlane plane = TestPlane.start(temp.resolve("data"));
        DataFolder other = DataFolder.open(temp.resolve("other"))) {
      DataFolder folder = plane.bean(DataFolder.class);
      Path file = folder.keys().resolve(FILE);
      // A key from before the database knew any.
      Files.writeString(file, "ab".repeat(32));
      String before = keys(plane, folder).pseudonym(TENANT, "anna");

      Files.move(file, temp.resolve("backup"));
      assertThat(keys(plane, folder).fault(TENANT))
          .hasValueSatisfying(
              fault -> assertThat(fault).contains(FILE, "is missing", "put that one back"));
      assertThat(file).doesNotExist();
      Files.writeString(file, "cd".repeat(32));
      assertThat(keys(plane, folder).fault(TENANT))
          .hasValueSatisfying(
              fault -> assertThat(fault).contains(FILE, "another key", "put that one back"));

      TenantKeys standsBy = keys(plane, other);
      assertThat(standsBy.fault(TENANT))
          .hasValueSatisfying(fault -> assertThat(fault).contains("copy it from"));
      Files.copy(temp.resolve("backup"), other.keys().resolve(FILE));
      assertThat(standsBy.fault(TENANT)).isEmpty();
      assertThat(standsBy.pseudonym(TENANT, "anna")).isEqualTo(before);
    }
  }

  @Test
  void makesTheFirstKeyOnceAndKeepsIt(@TempDir Path temp) throws IOException {
    try (TestPlane plane = TestPlane.start(temp)) {
      DataFolder folder = plane.bean(DataFolder.class);

      String made = keys(plane, folder).pseudonym(TENANT, "anna");

      assertThat(keys(plane, folder).pseudonym(TENANT, "anna")).isEqualTo(made);
    }
  }

  private static TenantKeys keys(TestPlane plane, DataFolder folder) {
    return new TenantKeys(folder, plane.database());
  }
}
