package io.skerry.control.link;

import com.hivemq.extension.sdk.api.ExtensionMain;
import com.hivemq.extension.sdk.api.async.TimeoutFallback;
import com.hivemq.extension.sdk.api.auth.PublishAuthorizer;
import com.hivemq.extension.sdk.api.auth.SimpleAuthenticator;
import com.hivemq.extension.sdk.api.auth.SubscriptionAuthorizer;
import com.hivemq.extension.sdk.api.auth.parameter.PublishAuthorizerInput;
import com.hivemq.extension.sdk.api.auth.parameter.PublishAuthorizerOutput;
import com.hivemq.extension.sdk.api.auth.parameter.SimpleAuthInput;
import com.hivemq.extension.sdk.api.auth.parameter.SimpleAuthOutput;
import com.hivemq.extension.sdk.api.auth.parameter.SubscriptionAuthorizerInput;
import com.hivemq.extension.sdk.api.auth.parameter.SubscriptionAuthorizerOutput;
import com.hivemq.extension.sdk.api.packets.connect.ConnackReasonCode;
import com.hivemq.extension.sdk.api.packets.connect.ConnectPacket;
import com.hivemq.extension.sdk.api.packets.publish.AckReasonCode;
import com.hivemq.extension.sdk.api.packets.publish.PublishPacket;
import com.hivemq.extension.sdk.api.packets.subscribe.SubackReasonCode;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartOutput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopOutput;
import com.hivemq.extension.sdk.api.services.Services;
import jakarta.inject.Singleton;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who may do what on the broker. A device logs in as {@code <tenant>/<device>}, with that client id
 * too, and reaches exactly its own topics; only its status may be retained. Everything that is not
 * allowed here is refused, also when a check itself fails.
 */
@Singleton
final class BrokerRules implements ExtensionMain {
  private static final Logger log = LoggerFactory.getLogger(BrokerRules.class);
  private static final Duration LOGIN_WAIT = Duration.ofSeconds(10);

  private final ControlLogin control;
  private final LoginCache devices;
  private final ExecutorService logins = Executors.newVirtualThreadPerTaskExecutor();

  BrokerRules(ControlLogin control, LoginCache devices) {
    this.control = control;
    this.devices = devices;
  }

  @Override
  public void extensionStart(ExtensionStartInput input, ExtensionStartOutput output) {
    Services.securityRegistry()
        .setAuthenticatorProvider(provided -> (SimpleAuthenticator) this::login);
    Services.securityRegistry()
        .setAuthorizerProvider(
            provided ->
                ControlLogin.NAME.equals(provided.getClientInformation().getClientId())
                    ? new OfControl()
                    : new OfDevice(provided.getClientInformation().getClientId()));
  }

  @Override
  public void extensionStop(ExtensionStopInput input, ExtensionStopOutput output) {
    logins.shutdownNow();
  }

  private void login(SimpleAuthInput input, SimpleAuthOutput output) {
    ConnectPacket packet = input.getConnectPacket();
    String client = packet.getClientId();
    String name = packet.getUserName().orElse("");
    String password = packet.getPassword().map(BrokerRules::text).orElse("");
    var waiting = output.async(LOGIN_WAIT, TimeoutFallback.FAILURE);
    logins.execute(
        () -> {
          try {
            if (client.equals(name)
                && (control.accepts(name, password) || devices.accepts(name, password))) {
              output.authenticateSuccessfully();
            } else {
              log.atWarn().addKeyValue("client", client).log("login refused");
              output.failAuthentication(
                  ConnackReasonCode.NOT_AUTHORIZED, "client id, user name and secret do not match");
            }
          } catch (RuntimeException e) {
            log.atError().setCause(e).addKeyValue("client", client).log("login check failed");
            output.failAuthentication(ConnackReasonCode.SERVER_UNAVAILABLE, "try again later");
          } finally {
            waiting.resume();
          }
        });
  }

  private static String text(ByteBuffer bytes) {
    return StandardCharsets.UTF_8.decode(bytes.duplicate()).toString();
  }

  private static final class OfControl implements PublishAuthorizer, SubscriptionAuthorizer {
    @Override
    public void authorizePublish(PublishAuthorizerInput input, PublishAuthorizerOutput output) {
      output.authorizeSuccessfully();
    }

    @Override
    public void authorizeSubscribe(
        SubscriptionAuthorizerInput input, SubscriptionAuthorizerOutput output) {
      output.authorizeSuccessfully();
    }
  }

  private static final class OfDevice implements PublishAuthorizer, SubscriptionAuthorizer {
    private final DeviceRules rules;

    OfDevice(String clientId) {
      this.rules = DeviceRules.of(clientId);
    }

    @Override
    public void authorizePublish(PublishAuthorizerInput input, PublishAuthorizerOutput output) {
      PublishPacket packet = input.getPublishPacket();
      int bytes = packet.getPayload().map(ByteBuffer::remaining).orElse(0);
      String refusal = rules.refusesPublish(packet.getTopic(), packet.getRetain(), bytes);
      if (refusal.isEmpty()) {
        output.authorizeSuccessfully();
      } else {
        output.failAuthorization(AckReasonCode.NOT_AUTHORIZED, refusal);
      }
    }

    @Override
    public void authorizeSubscribe(
        SubscriptionAuthorizerInput input, SubscriptionAuthorizerOutput output) {
      if (rules.allowsSubscribe(input.getSubscription().getTopicFilter())) {
        output.authorizeSuccessfully();
      } else {
        output.failAuthorization(
            SubackReasonCode.NOT_AUTHORIZED, "a device reads its own topics only");
      }
    }
  }
}
