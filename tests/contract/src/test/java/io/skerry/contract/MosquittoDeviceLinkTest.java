package io.skerry.contract;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;

/** With the Mosquitto of this machine, on the documented configuration. */
@Tag("slow")
class MosquittoDeviceLinkTest extends DeviceLinkContract {
  @Override
  public boolean saysWhyItEnds() {
    return false;
  }

  @Override
  LinkBroker start(Path folder, LinkAuthority authority) throws Exception {
    return Mosquitto.start(folder, authority);
  }
}
