package io.skerry.agent.uplink;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class GreetingTest {
  @Test
  void letsPahoStartNothingAfterAnEndDuringTheHandshake() throws Exception {
    Greeting greeting = new Greeting();

    greeting.end();

    assertThatThrownBy(greeting::begin)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("ended while it connected");
  }
}
