package io.skerry.agent.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

class ProcessFactsTest {
  private static final long BYTES = 256L << 20;

  /** What an engine gives back before it is asked counts all the same. */
  @Test
  void remembersMemoryThatWasGivenBack() throws Exception {
    ProcessFacts process = ProcessFacts.own();
    assumeTrue(process.countPeakAnew());
    long before = process.memory().resident();

    try (Arena arena = Arena.ofConfined()) {
      arena.allocate(BYTES).fill((byte) 1);
    }

    ProcessFacts.Memory after = process.memory();
    assertThat(after.peak() - before).isGreaterThan(BYTES / 2);
    assertThat(after.resident() - before).isLessThan(BYTES / 2);
    assertThat(process.countPeakAnew()).isTrue();
    assertThat(process.memory().peak() - before).isLessThan(BYTES / 2);
  }
}
