package io.skerry.control.ingest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.api.ToldOutcome;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OutcomeCsvTest {
  @Test
  void readsColumnsInAnyOrderWithQuotesAndAByteOrderMark() {
    String csv =
        "\uFEFFactual,device,prediction_id,outcome_at\r\n"
            + "1,cam-1,\"p,\"\"1\"\"\",2026-11-27T03:00:00Z\r\n"
            + "\r\n"
            + "0.5,cam-2,p2,\r\n";

    assertThat(OutcomeCsv.read(csv))
        .containsExactly(
            new ToldOutcome("cam-1", "p,\"1\"", null, 1, Instant.parse("2026-11-27T03:00:00Z")),
            new ToldOutcome("cam-2", "p2", null, .5, null));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''|the file is empty",
        "device,actual,colour|unknown column 'colour'",
        "device,prediction_id|columns device and actual",
        "device,actual;cam-1|line 2: 1 fields, not 2",
        "device,actual;cam-1,yes|line 2: actual 'yes' is no number",
        "device,actual,outcome_at;cam-1,1,noon|line 2: outcome_at 'noon'",
      })
  void saysWhatIsWrongWhere(String lines, String what) {
    assertThatThrownBy(() -> OutcomeCsv.read(lines.replace(';', '\n'))).hasMessageContaining(what);
  }
}
