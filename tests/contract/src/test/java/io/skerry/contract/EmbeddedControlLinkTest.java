package io.skerry.contract;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;

@Tag("slow")
class EmbeddedControlLinkTest extends ControlLinkContract {
  @Override
  LinkBroker start(Path folder, LinkAuthority authority) throws Exception {
    return new EmbeddedHive(folder, authority);
  }
}
