package io.skerry.simulator.world;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MemoryBrokerTest {
  @ParameterizedTest
  @CsvSource({
    "a/b, a/b, true",
    "a/b, a/c, false",
    "a/b, a/bc, false",
    "a/+/c, a/b/c, true",
    "a/+/c, a//c, true",
    "a/+/c, a/b/d, false",
    "a/+, a/b/c, false",
    "a/+/c, a/b, false",
    "a/+, a, false",
    "+/b, a/b, true",
    "+, a, true",
    "+x/b, ax/b, false",
    "a/+/, a/b/, true",
    "a/+/, a/b, false",
  })
  void matchesByLevels(String filter, String topic, boolean matches) {
    assertThat(MemoryBroker.matches(filter, topic)).isEqualTo(matches);
  }
}
