package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.control.host.DataFolder;
import io.skerry.control.host.StartException;
import io.skerry.control.sql.TestPlane;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A lake of another database is left alone. */
@Tag("slow")
class LakeOwnerTest {
  @TempDir static Path data;
  private static TestPlane plane;

  @TempDir Path root;
  private DataFolder folder;
  private LakeOwner owner;

  @BeforeAll
  static void start() throws IOException {
    plane = TestPlane.start(data);
  }

  @AfterAll
  static void stop() throws IOException {
    plane.close();
  }

  @BeforeEach
  void open() {
    folder = DataFolder.open(root);
    owner = new LakeOwner(plane.database(), folder);
  }

  @AfterEach
  void close() {
    folder.close();
    sql("truncate lake_file");
  }

  @Test
  void takesAnEmptyLakeAndKnowsItAgain() throws IOException {
    owner.require();

    assertThat(Files.readString(mark()).strip()).isEqualTo(id());
    file("samples/a.parquet");
    assertThatCode(owner::require).doesNotThrowAnyException();
  }

  @Test
  void refusesTheLakeOfAnotherDatabase() throws IOException {
    String other = UUID.randomUUID().toString();
    file("database", other);
    file("datasets/a.parquet");

    assertThatThrownBy(owner::require)
        .isInstanceOf(StartException.class)
        .hasMessageContaining("belong to another database '%s'".formatted(other))
        .hasMessageContaining("write %s into %s".formatted(id(), mark()));
  }

  @Test
  void refusesFilesOfBeforeThatAnEmptyDatabaseDoesNotKnow() throws IOException {
    file("samples/a.parquet");

    assertThatThrownBy(owner::require)
        .isInstanceOf(StartException.class)
        .hasMessageContaining("this one names none of them");
    assertThat(mark()).doesNotExist();
  }

  @Test
  void takesFilesOfBeforeThatItsDatabaseNames() throws IOException {
    file("samples/a.parquet");
    sql(
        "insert into lake_file (path, tenant, model, version, day, rows, bytes, written_at)"
            + " values ('samples/a.parquet', 'default', 'm', 1, now(), 1, 1, now())");

    owner.require();

    assertThat(Files.readString(mark()).strip()).isEqualTo(id());
  }

  @Test
  void takesFilesThatARestoredDatabaseNames() throws IOException {
    file("database", UUID.randomUUID().toString());
    takesFilesOfBeforeThatItsDatabaseNames();
  }

  @Test
  void refusesFilesWhenThoseThatItsDatabaseNamesAreNotThere() throws IOException {
    file("samples/b.parquet");
    sql(
        "insert into lake_file (path, tenant, model, version, day, rows, bytes, written_at)"
            + " values ('samples/a.parquet', 'default', 'm', 1, now(), 1, 1, now())");

    assertThatThrownBy(owner::require).isInstanceOf(StartException.class);
  }

  @Test
  void takesALakeWithWhatAStartThatWasKilledAndADiskOfItsOwnLeaveThere() throws IOException {
    file("database.part");
    file("lost+found/1");

    owner.require();

    assertThat(Files.readString(mark()).strip()).isEqualTo(id());
  }

  private Path mark() {
    return root.resolve("lake/database");
  }

  private void file(String name) throws IOException {
    file(name, "x");
  }

  private void file(String name, String content) throws IOException {
    Path file = root.resolve("lake").resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, content);
  }

  private static String id() {
    return plane
        .database()
        .call(
            transaction ->
                transaction
                    .first("select id::text as id from database_identity", row -> row.text("id"))
                    .orElseThrow());
  }

  private static void sql(String statement) {
    plane.database().run(transaction -> transaction.update(statement));
  }
}
