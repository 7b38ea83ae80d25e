package io.skerry.agent.uplink;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;
import java.util.Optional;
import javax.net.SocketFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/**
 * The socket that Paho gets: with TLS and the broker's host name verified, and with {@link
 * InboundGuard} between the broker and Paho's parser.
 */
final class BrokerSocket extends Socket {
  private final SSLContext context;
  private final String host;
  private final Greeting greeting;
  private final Runnable heard;
  private final Socket raw = new LastWordSocket();
  private volatile Socket connection = raw;
  private Optional<InputStream> guarded = Optional.empty();

  private BrokerSocket(SSLContext context, String host, Greeting greeting, Runnable heard) {
    this.context = context;
    this.host = host;
    this.greeting = greeting;
    this.heard = heard;
  }

  /**
   * Makes such sockets.
   *
   * @param heard told whenever something has come from the broker
   */
  static SocketFactory factory(SSLContext context, String host, Greeting greeting, Runnable heard) {
    return new SocketFactory() {
      @Override
      public Socket createSocket() {
        return new BrokerSocket(context, host, greeting, heard);
      }

      @Override
      public Socket createSocket(String to, int port) throws IOException {
        return connected(new InetSocketAddress(to, port));
      }

      @Override
      public Socket createSocket(String to, int port, java.net.InetAddress from, int fromPort)
          throws IOException {
        return createSocket(to, port);
      }

      @Override
      public Socket createSocket(java.net.InetAddress to, int port) throws IOException {
        return connected(new InetSocketAddress(to, port));
      }

      @Override
      public Socket createSocket(
          java.net.InetAddress to, int port, java.net.InetAddress from, int fromPort)
          throws IOException {
        return createSocket(to, port);
      }

      private Socket connected(InetSocketAddress address) throws IOException {
        Socket socket = createSocket();
        socket.connect(address);
        return socket;
      }
    };
  }

  @Override
  public void connect(SocketAddress address) throws IOException {
    connect(address, 0);
  }

  @Override
  public void connect(SocketAddress address, int timeoutMillis) throws IOException {
    raw.setTcpNoDelay(true);
    raw.connect(address, timeoutMillis);
    raw.setSoTimeout(timeoutMillis);
    SSLSocket encrypted =
        (SSLSocket) context.getSocketFactory().createSocket(raw, host, raw.getPort(), true);
    connection = encrypted;
    SSLParameters parameters = encrypted.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    encrypted.setSSLParameters(parameters);
    encrypted.startHandshake();
  }

  @Override
  public synchronized InputStream getInputStream() throws IOException {
    if (guarded.isEmpty()) {
      greeting.begin();
      guarded = Optional.of(new InboundGuard(connection.getInputStream(), greeting, heard));
    }
    return guarded.get();
  }

  @Override
  public OutputStream getOutputStream() throws IOException {
    return greeting.watch(connection.getOutputStream());
  }

  @Override
  public void setSoTimeout(int millis) throws SocketException {
    connection.setSoTimeout(millis);
  }

  @Override
  public boolean isConnected() {
    return connection.isConnected();
  }

  @Override
  public boolean isClosed() {
    return raw.isClosed();
  }

  // The raw one at once: an orderly end of TLS could wait for a broker that does not answer.
  @Override
  public void close() throws IOException {
    raw.close();
    super.close();
  }
}
