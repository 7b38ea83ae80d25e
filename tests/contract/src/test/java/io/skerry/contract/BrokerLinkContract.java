package io.skerry.contract;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** The contract with a real broker. Both ends show certificates, and so does the broker. */
abstract class BrokerLinkContract extends LinkContract {
  static final String LOOPBACK = "127.0.0.1";

  private @Nullable RealBroker started;

  /** Starts a broker that trusts the authority. */
  abstract LinkBroker start(Path folder, LinkAuthority authority) throws Exception;

  /** Makes a client, and waits until it is connected and subscribed. */
  abstract LinkClient client(String device, int port) throws Exception;

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

  LinkBroker broker() {
    return started().broker();
  }

  LinkAuthority authority() {
    return started().authority();
  }

  @Override
  public Line line() throws IOException {
    return new FaultyLine(broker().port());
  }

  @Override
  LinkClient client(String device, Line line) throws Exception {
    return client(device, ((FaultyLine) line).port());
  }

  @Override
  LinkClient client(String device) throws Exception {
    return client(device, broker().port());
  }

  @Override
  void restartBroker() throws Exception {
    broker().restartEmpty();
  }
}
