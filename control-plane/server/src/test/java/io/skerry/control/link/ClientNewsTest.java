package io.skerry.control.link;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class ClientNewsTest {
  private long nanos = 9;
  private final ClientNews news = new ClientNews(() -> nanos);

  private int told(String client, int times) {
    int told = 0;
    for (int i = 0; i < times; i++) {
      told += news.mayTell(client).isPresent() ? 1 : 0;
    }
    return told;
  }

  @Test
  void aFloodingClientGetsAFewLinesAMinuteAndTheRestIsCounted() {
    assertThat(told("default/d1", 10_000)).isEqualTo(ClientNews.LINES_MAX);
    assertThat(told("default/d2", 1)).isEqualTo(1);

    nanos += ClientNews.WINDOW.toNanos();

    assertThat(news.mayTell("default/d1")).isEqualTo(OptionalLong.of(9_995));
    assertThat(news.mayTell("default/d1")).isEqualTo(OptionalLong.of(0));
  }

  @Test
  void manyMadeUpNamesDoNotFillTheLogEither() {
    int told = 0;
    for (int i = 0; i < 2 * ClientNews.CLIENTS_MAX; i++) {
      told += told("made-up-" + i, 1);
    }

    assertThat(told).isEqualTo(ClientNews.LINES_OF_ALL_MAX);
  }
}
