package io.skerry.control.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.List;
import org.junit.jupiter.api.Test;

class DuckDbTest {
  /** A server that is killed again and again must not fill the folder for temporary files. */
  @Test
  void leavesNoLibraryBehindThatOnlyAProperEndRemoves() throws Exception {
    Path maps = Path.of("/proc/self/maps");
    assumeThat(maps).as("this system tells what a process has loaded").exists();

    try (Connection first = DuckDb.open(1, 64);
        Connection second = DuckDb.open(2, 128);
        Statement statement = second.createStatement();
        ResultSet row = statement.executeQuery("select current_setting('threads')")) {
      assertThat(row.next()).isTrue();
      assertThat(row.getInt(1)).isEqualTo(2);
      List<String> libraries =
          Files.readAllLines(maps).stream().filter(line -> line.contains("libduckdb")).toList();
      assertThat(libraries).isNotEmpty().allMatch(line -> line.endsWith("(deleted)"));
      assertThat(first.isValid(1)).isTrue();
    }
  }
}
