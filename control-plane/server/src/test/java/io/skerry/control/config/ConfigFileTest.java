package io.skerry.control.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigFileTest {
  record Inner(Duration every, @Secret String password) {
    Inner {
      if (every.isZero()) {
        throw new IllegalArgumentException("every must not be 0");
      }
    }
  }

  record Outer(int port, boolean verbose, Inner inner) {}

  private static final Outer DEFAULTS =
      new Outer(8080, false, new Inner(Duration.ofSeconds(5), "hidden"));

  @Test
  void keepsDefaultsOfWhatIsNotSaid() {
    Outer outer = ConfigFile.parse("test.yaml", "inner:\n  every: 250ms\n", DEFAULTS);

    assertThat(outer)
        .isEqualTo(new Outer(8080, false, new Inner(Duration.ofMillis(250), "hidden")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "prot: 1 | unknown key 'prot': did you mean 'port'?",
        "colour: red | unknown key 'colour': known are port, verbose, inner",
        "port: many | 'port' is 'many': must be a whole number",
        "verbose: perhaps | 'verbose' is 'perhaps': must be true or false",
        "inner: {every: soon} | must be a time such as 500ms",
        "inner: {every: 0s} | every must not be 0",
        "inner: {evry: 1s} | unknown key 'inner.evry': did you mean 'every'?",
        "inner: 3 | 'inner.' must be a section",
        "'a: [' | is not YAML",
      })
  void refusesMistakesAndSaysWhich(String yaml, String message) {
    assertThatThrownBy(() -> ConfigFile.parse("test.yaml", yaml, DEFAULTS))
        .isInstanceOf(ConfigException.class)
        .hasMessageStartingWith("test.yaml: ")
        .hasMessageContaining(message);
  }

  @Test
  void tellsAllMistakesAtOnce() {
    assertThatThrownBy(() -> ConfigFile.parse("test.yaml", "prot: 1\nverbose: maybe", DEFAULTS))
        .hasMessageContaining("'prot'")
        .hasMessageContaining("'verbose'");
  }

  @Test
  void printsEffectiveValuesWithSecretsMasked() {
    assertThat(ConfigFile.printed(DEFAULTS))
        .isEqualTo(
            """
            port: 8080
            verbose: false
            inner:
              every: 5s
              password: ********
            """);
  }
}
