package io.skerry.e2e.scene;

import io.skerry.agent.config.AgentVersion;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.identity.DeviceLogin;
import io.skerry.agent.time.DeviceClock;
import io.skerry.agent.trust.TrustStore;
import io.skerry.e2e.net.TcpProxy;
import io.skerry.protocol.DeviceId;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;

/**
 * How many devices a second the broker lets in: whole TLS handshakes with certificates on both
 * sides, and the login of MQTT. The asking side works on the same machine.
 */
public final class Knocks {
  private static final int DEVICES = 16;
  private static final int OF_EACH = 50;
  private static final String SEEN = "seen";
  private static final int PATIENCE_MILLIS = 60_000;
  private static final int CONNECT = 0x10;
  private static final int CONNACK = 0x20;
  private static final int DISCONNECT = 0xe0;
  private static final int CLEAN_START = 2;
  private static final int KEEP_ALIVE_SECONDS = 30;

  private Knocks() {}

  private record Device(String login, SSLContext tls, int port) {}

  /** Connects per second, over some hundreds; every one of them must be let in. */
  public static double perSecond(Lab lab) throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Device> devices = new ArrayList<>();
      for (int i = 0; i < DEVICES; i++) {
        devices.add(device(lab, threads));
      }
      for (Device device : devices) {
        connect(device);
      }
      long start = System.nanoTime();
      List<Future<?>> knocking = new ArrayList<>();
      for (Device device : devices) {
        knocking.add(threads.submit(() -> knock(device)));
      }
      for (Future<?> one : knocking) {
        one.get();
      }
      return DEVICES * OF_EACH / ((System.nanoTime() - start) / 1e9);
    }
  }

  private static Device device(Lab lab, ExecutorService threads) throws Exception {
    Path data = lab.place().resolve("device");
    DeviceId id = new DeviceId("knock-" + lab.place().getFileName());
    int port = lab.plane().server().mqttPort();
    try (TcpProxy unused = TcpProxy.before(port)) {
      Enrolled.into(data, lab.plane(), id, unused);
    }
    DeviceIdentity identity = DeviceIdentity.load(Disk.local(), data);
    DeviceLogin login =
        DeviceLogin.open(
            Disk.local(),
            data,
            identity,
            DeviceClock.open(Disk.local(), data, AgentVersion.builtAt()),
            TrustStore.open(
                Disk.local(), data.resolve("trust"), identity.rootFingerprint(), identity.roots()),
            threads);
    return new Device(identity.tenant() + "/" + id, login.forLink(), port);
  }

  private static int knock(Device device) throws IOException {
    for (int i = 0; i < OF_EACH; i++) {
      connect(device);
    }
    return OF_EACH;
  }

  private static void connect(Device device) throws IOException {
    try (SSLSocket socket =
        (SSLSocket) device.tls().getSocketFactory().createSocket("127.0.0.1", device.port())) {
      socket.setSoTimeout(PATIENCE_MILLIS);
      var parameters = socket.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      socket.setSSLParameters(parameters);
      socket.startHandshake();
      SSLSession session = socket.getSession();
      // A resumed session is a copy of the one before, with its values.
      if (session.getValue(SEEN) != null) {
        throw new IOException(device.login() + " resumed a session: no whole handshake");
      }
      session.putValue(SEEN, SEEN);
      DataOutputStream out = new DataOutputStream(socket.getOutputStream());
      byte[] name = device.login().getBytes(StandardCharsets.UTF_8);
      out.writeByte(CONNECT);
      out.writeByte(11 + 2 + name.length);
      out.writeUTF("MQTT");
      out.writeByte(5);
      out.writeByte(CLEAN_START);
      out.writeShort(KEEP_ALIVE_SECONDS);
      out.writeByte(0);
      out.writeShort(name.length);
      out.write(name);
      out.flush();
      DataInputStream in = new DataInputStream(socket.getInputStream());
      int type = in.readUnsignedByte();
      in.readUnsignedByte();
      in.readUnsignedByte();
      int reason = in.readUnsignedByte();
      if (type != CONNACK || reason != 0) {
        throw new IOException(
            "%s was answered 0x%02x with reason 0x%02x".formatted(device.login(), type, reason));
      }
      // By now its tickets are here, too: the next handshake must be a whole one.
      session.invalidate();
      out.write(new byte[] {(byte) DISCONNECT, 0});
      out.flush();
    }
  }
}
