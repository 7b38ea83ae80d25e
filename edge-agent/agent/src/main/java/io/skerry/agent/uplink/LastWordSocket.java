package io.skerry.agent.uplink;

import java.io.FilterInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import org.jspecify.annotations.Nullable;

/**
 * A socket on which a peer that has gone is still heard to its end. A broker that refuses a
 * certificate says so after the handshake of TLS 1.3, and may have closed before CONNECT is written
 * to it: the writer's failure ("Broken pipe") must not hide the alert that was received before it.
 * So once a write has failed, that one and later ones go nowhere, and the reader ends: with what
 * the peer still said, and then with the writer's failure.
 */
final class LastWordSocket extends Socket {
  private volatile @Nullable IOException writeFailure;

  @Override
  public OutputStream getOutputStream() throws IOException {
    return new FilterOutputStream(super.getOutputStream()) {
      @Override
      public void write(int one) throws IOException {
        write(new byte[] {(byte) one}, 0, 1);
      }

      @Override
      public void write(byte[] bytes, int offset, int length) throws IOException {
        if (writeFailure != null) {
          return;
        }
        try {
          out.write(bytes, offset, length);
        } catch (IOException e) {
          if (isClosed()) {
            throw e;
          }
          writeFailure = e;
        }
      }
    };
  }

  @Override
  public InputStream getInputStream() throws IOException {
    return new FilterInputStream(super.getInputStream()) {
      @Override
      public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
      }

      @Override
      public int read(byte[] into, int offset, int length) throws IOException {
        int bytes = in.read(into, offset, length);
        IOException failure = writeFailure;
        if (bytes < 0 && failure != null) {
          throw failure;
        }
        return bytes;
      }
    };
  }
}
