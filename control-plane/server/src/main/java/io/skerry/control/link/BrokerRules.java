package io.skerry.control.link;

import com.hivemq.extension.sdk.api.ExtensionMain;
import com.hivemq.extension.sdk.api.client.ClientContext;
import com.hivemq.extension.sdk.api.packets.disconnect.DisconnectReasonCode;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartOutput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopOutput;
import com.hivemq.extension.sdk.api.services.Services;
import com.hivemq.extension.sdk.api.services.session.ClientService;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.access.DeviceIdentity;
import io.skerry.control.ca.DeviceRevoked;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who may do what on the embedded broker: {@link BrokerLogin} says who somebody is, {@link
 * DeviceRules} what a device may reach, {@link DeviceTraffic} how much of it. Everything that is
 * not allowed here is refused, also when a check itself fails, and a broker without these rules
 * refuses everybody.
 */
@Singleton
class BrokerRules implements ExtensionMain {
  private static final Logger log = LoggerFactory.getLogger(BrokerRules.class);
  // Longer than a login takes: one that was checked just before a revocation is connected by then.
  private static final Duration CUT_AGAIN_AFTER = Duration.ofSeconds(15);

  private final BrokerLogin login;
  private final DeviceTraffic traffic;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final ClientNews news = new ClientNews(System::nanoTime);
  private volatile @Nullable ClientService clients;

  BrokerRules(DeviceIdentity identities, DeviceTraffic traffic) {
    this.traffic = traffic;
    this.login = new BrokerLogin(identities, traffic, threads, news);
  }

  @Override
  public void extensionStart(ExtensionStartInput input, ExtensionStartOutput output) {
    Services.securityRegistry().setAuthenticatorProvider(provided -> login);
    Services.securityRegistry()
        .setAuthorizerProvider(
            provided -> {
              String client = provided.getClientInformation().getClientId();
              return client.equals(ControlLink.NAME)
                  ? new ControlPermissions()
                  : new DevicePermissions(DeviceRules.of(client), news);
            });
    Services.initializerRegistry()
        .setClientInitializer(
            (connected, context) -> limit(connected.getClientInformation().getClientId(), context));
    clients = Services.clientService();
  }

  private void limit(String client, ClientContext context) {
    if (!client.equals(ControlLink.NAME)) {
      context.addPublishInboundInterceptor(
          new DeviceThrottle(client, traffic, (code, reason) -> cut(client, code, reason)));
    }
  }

  /** Whether the broker has taken the rules. */
  boolean areLoaded() {
    return clients != null;
  }

  @EventListener
  void revoked(DeviceRevoked event) {
    String client = event.tenant() + "/" + event.device();
    cutRevoked(client);
    threads.execute(
        () -> {
          try {
            Thread.sleep(CUT_AGAIN_AFTER);
            cutRevoked(client);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
  }

  private void cutRevoked(String client) {
    cut(client, DisconnectReasonCode.NOT_AUTHORIZED, "the certificate was revoked");
  }

  private void cut(String client, DisconnectReasonCode code, String reason) {
    ClientService connected = clients;
    if (connected == null) {
      return;
    }
    CompletableFuture<Boolean> unused =
        connected
            .disconnectClient(client, false, code, reason)
            .whenComplete(
                (wasConnected, failure) -> {
                  if (failure != null) {
                    log.atError().setCause(failure).addKeyValue("client", client).log("cut failed");
                  } else if (wasConnected) {
                    news.tell(client, reason, "connection cut");
                  }
                });
  }

  @Override
  public void extensionStop(ExtensionStopInput input, ExtensionStopOutput output) {
    clients = null;
    threads.shutdownNow();
  }
}
