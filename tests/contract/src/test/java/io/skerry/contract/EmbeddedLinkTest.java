package io.skerry.contract;

import com.hivemq.embedded.EmbeddedExtension;
import com.hivemq.embedded.EmbeddedHiveMQ;
import com.hivemq.extension.sdk.api.ExtensionMain;
import com.hivemq.extension.sdk.api.auth.SimpleAuthenticator;
import com.hivemq.extension.sdk.api.auth.parameter.SimpleAuthInput;
import com.hivemq.extension.sdk.api.auth.parameter.SimpleAuthOutput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStartOutput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopInput;
import com.hivemq.extension.sdk.api.parameter.ExtensionStopOutput;
import com.hivemq.extension.sdk.api.services.Services;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;

@Tag("slow")
class EmbeddedLinkTest extends LinkContract {
  @Override
  BareBroker start(Path folder) throws Exception {
    return new Embedded(folder);
  }

  private static final class Embedded implements BareBroker {
    private final Path folder;
    private final int port;
    private EmbeddedHiveMQ running;
    private int starts;

    Embedded(Path folder) throws Exception {
      this.folder = folder;
      try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        this.port = free.getLocalPort();
      }
      this.running = launch();
    }

    private EmbeddedHiveMQ launch() throws Exception {
      Path base = folder.resolve("broker-" + starts++);
      Path configuration = Files.createDirectories(base.resolve("conf"));
      Files.writeString(
          configuration.resolve("config.xml"),
          """
          <?xml version="1.0"?>
          <hivemq>
            <listeners>
              <tcp-listener>
                <port>%d</port>
                <bind-address>127.0.0.1</bind-address>
              </tcp-listener>
            </listeners>
            <anonymous-usage-statistics><enabled>false</enabled></anonymous-usage-statistics>
            <persistence><mode>in-memory</mode></persistence>
          </hivemq>
          """
              .formatted(port));
      EmbeddedHiveMQ broker =
          EmbeddedHiveMQ.builder()
              .withConfigurationFolder(configuration)
              .withDataFolder(Files.createDirectories(base.resolve("data")))
              .withExtensionsFolder(Files.createDirectories(base.resolve("extensions")))
              .withEmbeddedExtension(
                  EmbeddedExtension.builder()
                      .withId("open")
                      .withName("Everybody may do everything")
                      .withVersion("1")
                      .withAuthor("Skerry")
                      .withPriority(1)
                      .withStartPriority(1)
                      .withExtensionMain(new Open())
                      .build())
              .withoutLoggingBootstrap()
              .build();
      broker.start().get(60, TimeUnit.SECONDS);
      return broker;
    }

    @Override
    public int port() {
      return port;
    }

    @Override
    public void restartEmpty() throws Exception {
      stop();
      running = launch();
    }

    @Override
    public void stop() throws Exception {
      running.stop().get(60, TimeUnit.SECONDS);
      running.close();
    }
  }

  private static final class Open implements ExtensionMain {
    @Override
    public void extensionStart(ExtensionStartInput input, ExtensionStartOutput output) {
      Services.securityRegistry()
          .setAuthenticatorProvider(provided -> (SimpleAuthenticator) Open::login);
    }

    private static void login(SimpleAuthInput input, SimpleAuthOutput output) {
      output.authenticateSuccessfully();
    }

    @Override
    public void extensionStop(ExtensionStopInput input, ExtensionStopOutput output) {}
  }
}
