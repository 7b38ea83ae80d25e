package io.skerry.control.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataFolderTest {
  @TempDir private Path root;

  @Test
  void removesWhatAnEndWithoutWarningLeft() throws Exception {
    Files.write(Files.createDirectory(root.resolve("uploads")).resolve("FUp_1.tmp"), new byte[9]);
    Path found = Files.createDirectories(root.resolve("uploads/lost+found/piece"));
    Path other = Files.createDirectory(root.resolve("lake")).resolve("kept");
    Files.createFile(other);

    try (DataFolder folder = DataFolder.open(root)) {
      Path uploads = folder.emptied("uploads");

      assertThat(uploads).isEqualTo(root.resolve("uploads"));
      assertThat(uploads).isDirectoryNotContaining(Files::isRegularFile);
      assertThat(found).exists();
      assertThat(Files.getPosixFilePermissions(uploads)).hasSize(3);
      assertThat(other).exists();
    }
  }
}
