package io.skerry.contract;

import com.hivemq.embedded.EmbeddedExtension;
import com.hivemq.embedded.EmbeddedHiveMQ;
import com.hivemq.extension.sdk.api.ExtensionMain;
import com.hivemq.extension.sdk.api.auth.SimpleAuthenticator;
import com.hivemq.extension.sdk.api.auth.parameter.SimpleAuthInput;
import com.hivemq.extension.sdk.api.auth.parameter.SimpleAuthOutput;
import com.hivemq.extension.sdk.api.client.parameter.ClientTlsInformation;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartOutput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopOutput;
import com.hivemq.extension.sdk.api.services.Services;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** HiveMQ CE in this process; what our rules add to it, the contract of the rules holds. */
final class EmbeddedHive implements LinkBroker {
  /** Messages that wait for one session; fewer than of the control plane's own, to be reached. */
  static final int QUEUE_MAX = 2000;

  private static final long WAIT_SECONDS = 60;

  private final Path folder;
  private final Path tls;
  private final int port;
  private @Nullable EmbeddedHiveMQ running;
  private int starts;

  /** Starts it. */
  EmbeddedHive(Path folder, LinkAuthority authority) throws Exception {
    this.folder = folder;
    this.tls = folder.resolve("tls");
    this.port = Mosquitto.freePort();
    authority.writeTo(tls);
    launch();
  }

  private void launch() throws Exception {
    Path base = folder.resolve("broker-" + starts++);
    Path configuration = Files.createDirectories(base.resolve("conf"));
    Files.writeString(
        configuration.resolve("config.xml"),
        """
        <?xml version="1.0"?>
        <hivemq>
          <listeners>
            <tls-tcp-listener>
              <port>%1$d</port>
              <bind-address>127.0.0.1</bind-address>
              <tls>
                <keystore>
                  <path>%2$s/server.p12</path>
                  <password>%3$s</password>
                  <private-key-password>%3$s</private-key-password>
                </keystore>
                <truststore>
                  <path>%2$s/devices.p12</path>
                  <password>%3$s</password>
                </truststore>
                <client-authentication-mode>REQUIRED</client-authentication-mode>
              </tls>
            </tls-tcp-listener>
          </listeners>
          <anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics>
          <persistence><mode>in-memory</mode></persistence>
          <mqtt>
            <queued-messages>
              <max-queue-size>%4$d</max-queue-size>
              <strategy>discard-oldest</strategy>
            </queued-messages>
          </mqtt>
        </hivemq>
        """
            .formatted(port, tls, LinkAuthority.PASSWORD, QUEUE_MAX));
    EmbeddedHiveMQ broker =
        EmbeddedHiveMQ.builder()
            .withConfigurationFolder(configuration)
            .withDataFolder(Files.createDirectories(base.resolve("data")))
            .withExtensionsFolder(Files.createDirectories(base.resolve("extensions")))
            .withEmbeddedExtension(
                EmbeddedExtension.builder()
                    .withId("names")
                    .withName("Everybody under the certificate's name")
                    .withVersion("1")
                    .withAuthor("Skerry")
                    .withPriority(1)
                    .withStartPriority(1)
                    .withExtensionMain(new Names())
                    .build())
            .withoutLoggingBootstrap()
            .build();
    broker.start().get(WAIT_SECONDS, TimeUnit.SECONDS);
    running = broker;
  }

  @Override
  public int port() {
    return port;
  }

  @Override
  public void restartEmpty() throws Exception {
    close();
    launch();
  }

  @Override
  public void close() {
    EmbeddedHiveMQ ending = running;
    running = null;
    if (ending == null) {
      return;
    }
    try {
      ending.stop().get(WAIT_SECONDS, TimeUnit.SECONDS);
      ending.close();
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException("the broker did not end", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static final class Names implements ExtensionMain {
    @Override
    public void extensionStart(ExtensionStartInput input, ExtensionStartOutput output) {
      Services.securityRegistry()
          .setAuthenticatorProvider(provided -> (SimpleAuthenticator) Names::login);
    }

    private static void login(SimpleAuthInput input, SimpleAuthOutput output) {
      String client = input.getConnectPacket().getClientId();
      String name = client.substring(client.indexOf('/') + 1);
      if (input
          .getConnectionInformation()
          .getClientTlsInformation()
          .flatMap(ClientTlsInformation::getClientCertificate)
          .filter(shown -> shown.getSubjectX500Principal().getName().contains("CN=" + name))
          .isPresent()) {
        output.authenticateSuccessfully();
      } else {
        output.failAuthentication();
      }
    }

    @Override
    public void extensionStop(ExtensionStopInput input, ExtensionStopOutput output) {}
  }
}
