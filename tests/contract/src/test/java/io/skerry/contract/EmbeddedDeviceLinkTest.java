package io.skerry.contract;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;

@Tag("slow")
class EmbeddedDeviceLinkTest extends DeviceLinkContract {
  @Override
  LinkBroker start(Path folder, LinkAuthority authority) throws Exception {
    return new EmbeddedHive(folder, authority);
  }
}
