package io.skerry.agent.uplink;

import io.skerry.agent.identity.TestAuthority;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

/**
 * A broker on loopback that behaves as badly as its script says; MQTT 5 over TLS, just enough of
 * it.
 */
final class FakeBroker implements AutoCloseable {
  static final int CONNECT = 1;
  static final int PUBLISH = 3;
  static final int SUBSCRIBE = 8;
  static final int PINGREQ = 12;
  static final int DISCONNECT = 14;

  private static final TestAuthority AUTHORITY = new TestAuthority("broker's");
  private static final SSLContext SERVING = AUTHORITY.serving();

  /** What its clients believe. */
  static final SSLContext BELIEVING = AUTHORITY.believing();

  private final ServerSocket server;
  private final Script script;
  private final AtomicInteger connects = new AtomicInteger();
  private final AtomicInteger pings = new AtomicInteger();
  private final List<Long> connectNanos = new CopyOnWriteArrayList<>();
  private final List<Socket> open = new CopyOnWriteArrayList<>();

  /** What happens on one connection, from its first packet; the connection ends with it. */
  interface Script {
    void serve(Connection connection) throws IOException;
  }

  /** A packet from the client. */
  record Packet(int type, int identifier, String topic) {}

  FakeBroker(Script script) throws IOException {
    this.script = script;
    this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.startVirtualThread(this::accept);
  }

  int port() {
    return server.getLocalPort();
  }

  int connects() {
    return connects.get();
  }

  /** Pings that were answered. */
  int pings() {
    return pings.get();
  }

  /** When each connection came. */
  List<Long> connectNanos() {
    return connectNanos;
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket socket = server.accept();
        connectNanos.add(System.nanoTime());
        connects.incrementAndGet();
        open.add(socket);
        Thread.startVirtualThread(() -> serve(socket));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      SSLSocket encrypted =
          (SSLSocket)
              SERVING.getSocketFactory().createSocket(socket, "127.0.0.1", socket.getPort(), true);
      encrypted.setUseClientMode(false);
      script.serve(new Connection(encrypted, pings));
    } catch (IOException e) {
      // The client left: that ends the script.
    } finally {
      open.remove(socket);
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
    for (Socket socket : open) {
      socket.close();
    }
  }

  /** One client. */
  static final class Connection {
    private final DataInputStream in;
    private final DataOutputStream out;
    private final AtomicInteger pings;

    Connection(Socket socket, AtomicInteger pings) throws IOException {
      this.pings = pings;
      in = new DataInputStream(socket.getInputStream());
      out = new DataOutputStream(socket.getOutputStream());
    }

    /** The next packet but pings, which are answered. */
    Packet read() throws IOException {
      while (true) {
        int head = in.readUnsignedByte();
        byte[] body = new byte[length()];
        in.readFully(body);
        switch (head >> 4) {
          case PINGREQ -> {
            send(13 << 4);
            pings.incrementAndGet();
          }
          case PUBLISH -> {
            int name = (body[0] & 0xff) << 8 | (body[1] & 0xff);
            int identifier = (body[2 + name] & 0xff) << 8 | (body[3 + name] & 0xff);
            return new Packet(
                PUBLISH, identifier, new String(body, 2, name, StandardCharsets.UTF_8));
          }
          default -> {
            int identifier = body.length < 2 ? 0 : (body[0] & 0xff) << 8 | (body[1] & 0xff);
            return new Packet(head >> 4, identifier, "");
          }
        }
      }
    }

    private int length() throws IOException {
      int length = 0;
      for (int shift = 0; shift < 28; shift += 7) {
        int part = in.readUnsignedByte();
        length |= (part & 0x7f) << shift;
        if (part < 0x80) {
          break;
        }
      }
      return length;
    }

    void send(int head, int... body) throws IOException {
      byte[] bytes = new byte[body.length];
      for (int i = 0; i < body.length; i++) {
        bytes[i] = (byte) body[i];
      }
      send(head, bytes);
    }

    private void send(int head, byte[] body) throws IOException {
      ByteArrayOutputStream packet = new ByteArrayOutputStream();
      packet.write(head);
      int rest = body.length;
      do {
        packet.write(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
        rest >>= 7;
      } while (rest > 0);
      packet.write(body);
      out.write(packet.toByteArray());
      out.flush();
    }

    /** Answers CONNECT; properties are raw bytes. */
    void connack(int reason, int... properties) throws IOException {
      int[] body = new int[3 + properties.length];
      body[1] = reason;
      body[2] = properties.length;
      System.arraycopy(properties, 0, body, 3, properties.length);
      send(2 << 4, body);
    }

    void suback(Packet subscribe, int... reasons) throws IOException {
      int[] body = new int[3 + reasons.length];
      body[0] = subscribe.identifier() >> 8;
      body[1] = subscribe.identifier();
      System.arraycopy(reasons, 0, body, 3, reasons.length);
      send(9 << 4, body);
    }

    void puback(Packet publish, int reason) throws IOException {
      send(4 << 4, publish.identifier() >> 8, publish.identifier(), reason, 0);
    }

    void publish(String topic, byte[] payload, int identifier) throws IOException {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      byte[] name = topic.getBytes(StandardCharsets.UTF_8);
      body.write(name.length >> 8);
      body.write(name.length);
      body.write(name);
      body.write(identifier >> 8);
      body.write(identifier);
      body.write(0);
      body.write(payload);
      send(3 << 4 | 2 | 1, body.toByteArray());
    }

    /** Begins a packet that is larger than anything. */
    void claim(int head, int lengthBytes) throws IOException {
      out.write(head);
      for (int i = 1; i < lengthBytes; i++) {
        out.write(0xff);
      }
      out.write(0x7f);
      out.flush();
    }

    /** Behaves, from CONNECT on, until the birth is acknowledged. */
    void welcome(int... properties) throws IOException {
      expect(CONNECT);
      connack(0, properties);
      suback(expect(SUBSCRIBE), 1, 1, 1);
      puback(expect(PUBLISH), 0);
    }

    Packet expect(int type) throws IOException {
      Packet packet = read();
      if (packet.type() != type) {
        throw new IOException("packet " + packet + " instead of type " + type);
      }
      return packet;
    }

    /** Answers nothing any more, for as long as the client stays. */
    void ignore() throws IOException {
      in.transferTo(OutputStream.nullOutputStream());
    }

    /** Acknowledges everything for as long as the client stays. */
    void behave() throws IOException {
      while (true) {
        Packet packet = read();
        if (packet.type() == PUBLISH) {
          puback(packet, 0);
        }
      }
    }
  }
}
