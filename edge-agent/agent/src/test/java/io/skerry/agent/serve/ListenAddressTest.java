package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ListenAddressTest {
  @ParameterizedTest
  @ValueSource(strings = {"unix:/run/a.sock", "unix:a.sock", "tcp:127.0.0.1:8001", "tcp:[::1]:0"})
  void readsWhatItWrites(String text) {
    assertThat(ListenAddress.parse(text)).hasToString(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "unix:", "tcp:", "tcp:8001", "tcp::1", "tcp:a:b", "tcp:a:70000", "http://a:1"})
  void refusesTheRest(String text) {
    assertThatThrownBy(() -> ListenAddress.parse(text))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @ValueSource(ints = {108, 500})
  void refusesASocketPathThatTheKernelWouldCut(int length) {
    assertThatThrownBy(() -> ListenAddress.parse("unix:/" + "a".repeat(length - 1)))
        .hasMessageContaining("may have 107");
  }
}
