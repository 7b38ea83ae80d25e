package io.skerry.control.link;

import com.hivemq.extension.sdk.api.async.TimeoutFallback;
import com.hivemq.extension.sdk.api.auth.SimpleAuthenticator;
import com.hivemq.extension.sdk.api.auth.parameter.SimpleAuthInput;
import com.hivemq.extension.sdk.api.auth.parameter.SimpleAuthOutput;
import com.hivemq.extension.sdk.api.client.parameter.ClientTlsInformation;
import com.hivemq.extension.sdk.api.packets.connect.ConnackReasonCode;
import io.skerry.control.access.DeviceIdentity;
import io.skerry.control.ca.ServerTls;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets a client in under the name that its certificate proves, and under no other. Whatever goes
 * wrong while it is checked, the answer is no.
 */
final class BrokerLogin implements SimpleAuthenticator {
  /** Messages that wait for one device; the oldest goes first. */
  static final int DEVICE_QUEUE_MAX = 1000;

  private static final Logger log = LoggerFactory.getLogger(BrokerLogin.class);
  private static final Duration WAIT = Duration.ofSeconds(10);

  private final DeviceIdentity identities;
  private final DeviceTraffic traffic;
  private final ExecutorService threads;
  private final ClientNews news;

  BrokerLogin(
      DeviceIdentity identities, DeviceTraffic traffic, ExecutorService threads, ClientNews news) {
    this.news = news;
    this.identities = identities;
    this.traffic = traffic;
    this.threads = threads;
  }

  private record Refusal(ConnackReasonCode code, String reason) {}

  @Override
  public void onConnect(SimpleAuthInput input, SimpleAuthOutput output) {
    String client = input.getConnectPacket().getClientId();
    if (!client.equals(ControlLink.NAME)) {
      output.getClientSettings().setClientQueueSizeMaximum(DEVICE_QUEUE_MAX);
    }
    var waiting = output.async(WAIT, TimeoutFallback.FAILURE, ConnackReasonCode.SERVER_UNAVAILABLE);
    threads.execute(
        () -> {
          try {
            refusal(input, client)
                .ifPresentOrElse(
                    refusal -> {
                      news.tell(client, refusal.reason(), "login refused");
                      output.failAuthentication(refusal.code(), refusal.reason());
                    },
                    output::authenticateSuccessfully);
          } catch (RuntimeException e) {
            log.atError().setCause(e).addKeyValue("client", client).log("login check failed");
            output.failAuthentication(ConnackReasonCode.SERVER_UNAVAILABLE, "try again later");
          } finally {
            waiting.resume();
          }
        });
  }

  private Optional<Refusal> refusal(SimpleAuthInput input, String client) {
    Optional<String> name =
        input
            .getConnectionInformation()
            .getClientTlsInformation()
            .flatMap(ClientTlsInformation::getClientCertificate)
            .flatMap(this::nameIn);
    if (name.isEmpty()) {
      return Optional.of(
          new Refusal(
              ConnackReasonCode.NOT_AUTHORIZED,
              "the certificate is revoked, has run out, or was not issued here"));
    }
    if (!name.get().equals(client)) {
      return Optional.of(
          new Refusal(
              ConnackReasonCode.CLIENT_IDENTIFIER_NOT_VALID,
              "the client id must be '%s', as in the certificate".formatted(name.get())));
    }
    if (!client.equals(ControlLink.NAME)
        && traffic.connect(client) != TrafficMachine.Answer.ALLOWED) {
      return Optional.of(
          new Refusal(ConnackReasonCode.CONNECTION_RATE_EXCEEDED, "too many connects: wait"));
    }
    return Optional.empty();
  }

  private Optional<String> nameIn(X509Certificate certificate) {
    return ServerTls.isControl(certificate)
        ? Optional.of(ControlLink.NAME)
        : identities.identityOf(certificate).map(device -> device.tenant() + "/" + device.device());
  }
}
