package io.skerry.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchMainTest {
  @TempDir private Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    return BenchMain.run(new PrintWriter(out, true), new PrintWriter(err, true), arguments);
  }

  @Test
  void namesTheAreasWhenItDoesNotKnowOne() {
    assertThat(run("lnik")).isEqualTo(2);
    assertThat(err.toString()).contains("unknown area 'lnik'").contains("link");
  }

  @Test
  void wantsAnArea() {
    assertThat(run()).isEqualTo(2);
    assertThat(err.toString()).contains("AREA");
  }

  @Test
  void looksAtTheReportsPlaceBeforeALongRun() {
    Path file = folder.resolve("missing").resolve("link.json");

    assertThat(run("link", "--json", file.toString())).isEqualTo(2);
    assertThat(err.toString()).contains(file.toString());
  }

  @Test
  void refusesAnExpressionThatIsNone() {
    assertThat(run("link", "--only", "[")).isEqualTo(2);
    assertThat(err.toString()).contains("--only");
  }

  @Test
  void explainsItself() {
    assertThat(run("--help")).isZero();
    assertThat(out.toString()).contains("6").contains("does not hold");
  }

  @Test
  void writesAClaimAsTheArchitectureNamesIt() {
    JsonObject claim =
        new Claim("delay", "= 0", 0, "broken promises", true, "").toJson().getAsJsonObject();

    assertThat(claim.keySet()).contains("name", "required", "measured", "unit", "held");
    assertThat(claim.get("measured").getAsString()).isEqualTo("0");
  }
}
