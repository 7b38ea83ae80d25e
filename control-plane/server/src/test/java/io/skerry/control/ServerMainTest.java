package io.skerry.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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

  @Test
  void tellsAllMistakesInProfilesBeforeAnythingStarts(@TempDir Path folder) throws Exception {
    Path profiles = Files.createDirectories(folder.resolve("profiles"));
    Files.writeString(profiles.resolve("one.yaml"), "id: one");
    Files.writeString(profiles.resolve("two.yaml"), "[]");
    Path config =
        Files.writeString(folder.resolve("server.yaml"), "profiles: %s%n".formatted(profiles));

    int code =
        ServerMain.run(
            new PrintWriter(out, true),
            new PrintWriter(err, true),
            "--config=" + config,
            "--data-dir=" + folder.resolve("data"));

    assertThat(code).isEqualTo(1);
    assertThat(err.toString())
        .startsWith("skerry server: profiles in '%s' have mistakes:".formatted(profiles))
        .contains("one.yaml: key 'threads' is missing", "two.yaml: is no YAML map");
    assertThat(folder.resolve("data")).doesNotExist();
  }
}
