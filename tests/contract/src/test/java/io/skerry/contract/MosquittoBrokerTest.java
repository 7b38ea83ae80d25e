package io.skerry.contract;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;

@Tag("slow")
class MosquittoBrokerTest extends RealBrokerContract {
  @Override
  LinkBroker start(Path folder, LinkAuthority authority) throws Exception {
    return Mosquitto.start(folder, authority);
  }

  // It closes the line before that can be read.
  @Override
  public boolean saysWhyItEnds() {
    return false;
  }
}
