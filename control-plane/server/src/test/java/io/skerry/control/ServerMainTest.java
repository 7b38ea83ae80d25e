package io.skerry.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServerMainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @ParameterizedTest
  @ValueSource(strings = {"--prot=1", "--port=x", "start", "--host=0.0.0.0", "--port=99999"})
  void tellsWrongUsageInOneLine(String argument) {
    int code = ServerMain.run(new PrintWriter(out, true), new PrintWriter(err, true), argument);

    assertThat(code).isEqualTo(2);
    assertThat(err.toString()).startsWith("skerry server: ").hasLineCount(1);
    assertThat(out.toString()).isEmpty();
  }
}
