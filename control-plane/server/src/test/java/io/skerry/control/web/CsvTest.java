package io.skerry.control.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CsvTest {
  /** A row. */
  public record Row(String name, @org.jspecify.annotations.Nullable Double value) {}

  @Test
  void writesALineOfNamesAndOneForEachRow() {
    assertThat(Csv.text(Row.class, List.of(new Row("a", 1.5), new Row("b", null))))
        .isEqualTo("name,value\r\na,1.5\r\nb,\r\n");
  }

  /** A row with a part that need not be there. */
  public record Outer(String name, @org.jspecify.annotations.Nullable Row part) {}

  @Test
  void givesEachPartOfARecordWithinAColumn() {
    assertThat(
            Csv.text(Outer.class, List.of(new Outer("a", new Row("b", 1.5)), new Outer("c", null))))
        .isEqualTo("name,part.name,part.value\r\na,b,1.5\r\nc,,\r\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "say \"hi\", you|\"say \"\"hi\"\", you\"",
        "=1+1|'=1+1",
        "@sum|'@sum",
        "-cmd|'-cmd",
        "-1.5|-1.5",
        "site=b|site=b",
      })
  void quotesWhatWouldBreakALineAndDisarmsFormulas(String name, String written) {
    assertThat(Csv.text(Row.class, List.of(new Row(name, null))))
        .isEqualTo("name,value\r\n" + written + ",\r\n");
  }
}
