package io.skerry.control.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DatasetCsvTest {
  private static final String HEADER = "device,cycle,s2,s3,label\n";
  private static final String THREE =
      HEADER + "a,1,1,2,0\na,2,1,2,1\nb,1,1,2,0\nb,2,1,2,1\nc,1,1,2,0\nc,2,1,2,1\n";

  @Test
  void readsDevicesThatTakeTurns() throws IOException {
    DatasetTable table =
        read(
            HEADER
                + "b,5,-1.5e2,.25,0\na,1,1,2,1\nb,9,0,+3.,1\r\na,2,1,2,1\n\nc,0,1,2,1\nc,1,1,2,1\n");

    assertThat(table.features()).containsExactly("s2", "s3");
    assertThat(table.rows()).isEqualTo(6);
    DeviceSeries second = table.series().get(1);
    assertThat(second.device().value()).isEqualTo("b");
    assertThat(second.cycle(1)).isEqualTo(9);
    assertThat(second.value(0, 0)).isEqualTo(-150f);
    assertThat(second.value(1, 1)).isEqualTo(3f);
    assertThat(second.label(1)).isEqualTo(1);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "a,x,1,2,0         | line 8, column 2: cycle 'x' is not a whole number from 0",
        "a,-3,1,2,0        | line 8, column 2: cycle '-3' is not a whole number from 0",
        "a,2,1,2,0         | line 8, column 2: cycle 2 of device 'a' does not come after its cycle 2",
        "a,3,NaN,2,0       | line 8, column 3: s2 'NaN' is not a finite number",
        "a,3,1,Infinity,0  | line 8, column 4: s3 'Infinity' is not a finite number",
        "a,3,1,1e99,0      | line 8, column 4: s3 '1e99' is not a finite number",
        "a,3,1,0x1p3,0     | line 8, column 4: s3 '0x1p3' is not a finite number",
        "a,3,1,,0          | line 8, column 4: s3 '' is not a finite number",
        "a,3,1,2,0.5       | line 8, column 5: label '0.5' is no class: a whole number from 0 to 99",
        "a,3,1,2,-1        | line 8, column 5: label '-1' is no class: a whole number from 0 to 99",
        "a,3,1,2,100       | line 8, column 5: label '100' is no class: a whole number from 0 to 99",
        "a,3,1,2,01        | line 8, column 5: label '01' is no class: a whole number from 0 to 99",
        "a,3,1,2           | line 8: 4 fields where the header has 5",
        "a,3,1,2,0,9       | line 8: 6 fields where the header has 5",
        "A b,3,1,2,0       | line 8, column 1: device 'A b' is not a name: use 1 to 64 of a-z, 0-9, '.', '_', '-', with a letter or digit at both ends",
      })
  void namesTheLineAndTheColumnOfAWrongField(String row, String message) {
    assertThatThrownBy(() -> read(THREE + row + "\n"))
        .isInstanceOf(DatasetInvalidException.class)
        .hasMessage(message);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "cycle,device,s2,label    | line 1: the header must be device,cycle,FEATURE...,label",
        "device,cycle,label       | line 1: the header must be device,cycle,FEATURE...,label",
        "device,cycle,s2,s3       | line 1, column 4: the last column must be 'label', not 's3'",
        "device,cycle,s2,S2,label | line 1, column 4: column 'S2' is named twice",
        "device,cycle,split,label | line 1, column 3: column 'split' is named twice",
        "device,cycle,a b,label   | line 1, column 3: 'a b' is not a feature name: use 1 to 63 letters, digits, '_', '.', '-'",
      })
  void refusesAWrongHeader(String header, String message) {
    assertThatThrownBy(() -> read(header + "\na,1,1,1\n"))
        .isInstanceOf(DatasetInvalidException.class)
        .hasMessage(message);
  }

  @Test
  void refusesEmptyFilesAndFilesWithoutRows() {
    assertThatThrownBy(() -> read("")).hasMessageContaining("the file is empty");
    assertThatThrownBy(() -> read(HEADER)).hasMessage("the file has a header and no rows");
  }

  @Test
  void refusesTextThatIsNotUtf8() {
    byte[] bytes = (THREE + "a,3,1,2,0\n").getBytes(StandardCharsets.UTF_8);
    bytes[bytes.length - 2] = (byte) 0xFF;

    assertThatThrownBy(() -> DatasetCsv.read(new ByteArrayInputStream(bytes), 2))
        .isInstanceOf(DatasetInvalidException.class)
        .hasMessage("the file is not UTF-8 text");
  }

  @Test
  void tellsTwentyMistakesAndNoMore() {
    String rows = "a,x,1,2,0\n".repeat(50);

    assertThatThrownBy(() -> read(HEADER + rows))
        .asInstanceOf(InstanceOfAssertFactories.type(DatasetInvalidException.class))
        .extracting(DatasetInvalidException::mistakes)
        .asInstanceOf(InstanceOfAssertFactories.list(Mistake.class))
        .hasSize(DatasetCsv.MISTAKES_MAX)
        .last()
        .isEqualTo(new Mistake(21, 2, "cycle 'x' is not a whole number from 0"));
  }

  @Test
  void wantsThreeDevicesWhoseWindowsEndPositive() {
    String twoDevices =
        THREE.lines().filter(line -> !line.startsWith("c")).reduce("", (a, b) -> a + b + "\n");

    assertThatThrownBy(() -> read(twoDevices))
        .hasMessageStartingWith("2 devices have a window of 2 cycles that ends with label 1");
    assertThatThrownBy(() -> DatasetCsv.read(stream(THREE), 3))
        .hasMessageStartingWith("0 devices have a window of 3 cycles that ends with label 1");
  }

  @Test
  void wantsThreeDevicesOfEachClass() throws IOException {
    String fourth = THREE + "a,3,1,2,3\nb,3,1,2,3\nc,3,1,2,3\n";

    assertThat(read(fourth.replace(",3\n", ",2\n") + "a,4,1,2,0\nb,4,1,2,0\nc,4,1,2,0\n").rows())
        .isEqualTo(12);
    assertThatThrownBy(() -> read(fourth))
        .asInstanceOf(InstanceOfAssertFactories.type(DatasetInvalidException.class))
        .extracting(DatasetInvalidException::mistakes)
        .asInstanceOf(InstanceOfAssertFactories.list(Mistake.class))
        .extracting(Mistake::message)
        .containsExactly(
            "0 devices have a window of 2 cycles that ends with label 0: at least 3 are needed,"
                + " one for each split",
            "0 devices have a window of 2 cycles that ends with label 2: at least 3 are needed,"
                + " one for each split");
  }

  @Test
  void refusesALineWithoutEnd() {
    String line = "a".repeat(DatasetCsv.LINE_CHARS_MAX + 1);

    assertThatThrownBy(() -> read(HEADER + line))
        .hasMessage("line 2: the line is longer than 65,536 characters");
  }

  @Test
  void hidesControlCharactersOfWrongFields() {
    assertThatThrownBy(() -> read(THREE + "a,3,1,\u001b[31mred,0\n"))
        .hasMessage("line 8, column 4: s3 '?[31mred' is not a finite number");
  }

  private static DatasetTable read(String text) throws IOException {
    return DatasetCsv.read(stream(text), 2);
  }

  private static ByteArrayInputStream stream(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }

  static DatasetTable table(int devices, int rows) throws IOException {
    StringBuilder text = new StringBuilder(HEADER);
    for (int device = 0; device < devices; device++) {
      for (int row = 1; row <= rows; row++) {
        text.append(
            "engine-%d,%d,%d,%d,%d\n"
                .formatted(device, row, row, 100 * device + row, row > rows - 3 ? 1 : 0));
      }
    }
    return DatasetCsv.read(stream(text.toString()), 5);
  }
}
