package io.skerry.simulator.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CmapssFilesTest {
  @TempDir Path folder;

  @Test
  void readsTheInformativeSensorsAndSkipsHeaderAndBlankLines() throws IOException {
    write("train_FD001.txt", "unit cycle ...\n" + row(1, 1) + "\n\n" + row(1, 2) + "  \n");
    write("test_FD001.txt", (row(7, 1) + "\n").repeat(70));
    write("RUL_FD001.txt", "12\n");

    MachineData data = CmapssFiles.read(folder);

    assertThat(data.sensors()).hasSize(14).startsWith("s2", "s3").endsWith("s20", "s21");
    assertThat(data.training()).hasSize(1);
    assertThat(data.training().getFirst().cycles().getFirst()).startsWith(2, 3, 4, 7);
    assertThat(data.live().getFirst().remaining(0)).isEqualTo(12 + 69);
    assertThat(data.live().getFirst().remaining(69)).isEqualTo(12);
  }

  @Test
  void leavesOutLiveMachinesWithTooFewCycles() throws IOException {
    write("train_FD001.txt", row(1, 1));
    write("test_FD001.txt", (row(1, 1) + "\n").repeat(60) + (row(2, 1) + "\n").repeat(59));
    write("RUL_FD001.txt", "12\n13\n");

    assertThat(CmapssFiles.read(folder).live()).extracting(Machine::id).containsExactly("live-1");
  }

  @Test
  void namesFileLineAndFaultOfAMalformedRow() throws IOException {
    write("train_FD001.txt", row(1, 1) + "\n" + row(1, 2).replace(" 21", " x") + "\n");

    assertThatThrownBy(() -> CmapssFiles.read(folder))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("train_FD001.txt, line 2: 'x' is no number");
  }

  @Test
  void namesAMissingFile() {
    assertThatThrownBy(() -> CmapssFiles.read(folder))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("train_FD001.txt: not there");
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  /** Sensor k has the value k. */
  private static String row(int unit, int cycle) {
    StringBuilder row = new StringBuilder(unit + " " + cycle + " 0.1 0.2 100");
    for (int sensor = 1; sensor <= 21; sensor++) {
      row.append(' ').append(sensor);
    }
    return row.toString();
  }
}
