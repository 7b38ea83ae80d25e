package io.skerry.contract;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The contract with a real broker, started once. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class RealBrokerContract implements BrokerContract {
  private @Nullable LinkBroker started;
  private @Nullable LinkAuthority issuing;

  /** Starts a broker that trusts the authority. */
  abstract LinkBroker start(Path folder, LinkAuthority authority) throws Exception;

  @BeforeAll
  void begin(@TempDir Path folder) throws Exception {
    LinkAuthority made = new LinkAuthority();
    issuing = made;
    started = start(folder, made);
  }

  @AfterAll
  void end() {
    if (started != null) {
      started.close();
    }
  }

  @Override
  public BrokerPeer connect(BrokerPeer.Wish wish) throws Exception {
    if (started == null || issuing == null) {
      throw new IllegalStateException("not started");
    }
    return new MqttPeer(started.port(), issuing, wish);
  }

  @Override
  public void restart() throws Exception {
    if (started == null) {
      throw new IllegalStateException("not started");
    }
    started.restartEmpty();
  }
}
