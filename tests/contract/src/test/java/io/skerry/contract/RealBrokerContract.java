package io.skerry.contract;

import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The contract with a real broker, started once. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class RealBrokerContract implements BrokerContract {
  private @Nullable RealBroker started;

  /** Starts a broker that trusts the authority. */
  abstract LinkBroker start(Path folder, LinkAuthority authority) throws Exception;

  @BeforeAll
  void begin(@TempDir Path folder) throws Exception {
    started = RealBroker.start(this::start, folder);
  }

  @AfterAll
  void end() {
    if (started != null) {
      started.close();
    }
  }

  private RealBroker started() {
    return Objects.requireNonNull(started, "not started");
  }

  @Override
  public BrokerPeer connect(BrokerPeer.Wish wish) throws Exception {
    return new MqttPeer(started().broker().port(), started().authority(), wish);
  }

  @Override
  public void restart() throws Exception {
    started().broker().restartEmpty();
  }
}
