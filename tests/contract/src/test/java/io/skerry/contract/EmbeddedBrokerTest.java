package io.skerry.contract;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;

@Tag("slow")
class EmbeddedBrokerTest extends RealBrokerContract implements BrokerContract.Bounded {
  @Override
  LinkBroker start(Path folder, LinkAuthority authority) throws Exception {
    return new EmbeddedHive(folder, authority);
  }

  @Override
  public int queueMax() {
    return EmbeddedHive.QUEUE_MAX;
  }
}
