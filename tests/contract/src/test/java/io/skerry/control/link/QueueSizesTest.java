package io.skerry.control.link;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.simulator.world.MemoryBroker;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class QueueSizesTest {
  @Test
  void theSimulationsBrokerKeepsAsManyMessagesAsTheRealOneIsTold() {
    Path anywhere = Path.of("/");
    String told =
        BrokerXml.of("127.0.0.1", 1, new Broker.Stores(anywhere, anywhere, "password"), 1);

    assertThat(told).contains("<max-queue-size>%d</".formatted(MemoryBroker.QUEUE_MAX));
  }
}
