package io.skerry.agent.uplink;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.Arrays;

/**
 * Cuts what the broker sends into packets before Paho parses it. A packet larger than was agreed is
 * an error before memory is taken for it. In the CONNACK, the receive maximum is raised to the
 * highest that Paho can read: higher ones it takes for negative, and low ones it takes for used up
 * after the acknowledgement has come; {@link PahoSession} has one message on its way at a time, so
 * it keeps any limit. Topic aliases, which Paho uses wrongly, are not offered to it.
 *
 * <p>A read that times out loses nothing. Not thread-safe.
 */
final class InboundGuard extends InputStream {
  private static final int CONNACK = 2;
  private static final int RECEIVE_MAXIMUM = 0x21;
  private static final int TOPIC_ALIAS_MAXIMUM = 0x22;
  private static final int LENGTH_BYTES_MAX = 4;

  private final InputStream broker;
  private final Greeting greeting;
  private final Runnable heard;
  private byte[] head = new byte[1 + LENGTH_BYTES_MAX];
  private int headBytes;
  private int headServed;
  private boolean headWhole;
  private int body;

  /**
   * Makes a guard.
   *
   * @param heard told whenever something has come
   */
  InboundGuard(InputStream broker, Greeting greeting, Runnable heard) {
    this.broker = broker;
    this.greeting = greeting;
    this.heard = heard;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    awaitGreeting();
    if (!headWhole && !readHead()) {
      return -1;
    }
    int served = Math.min(length, headBytes - headServed);
    if (served > 0) {
      System.arraycopy(head, headServed, into, offset, served);
      headServed += served;
    } else {
      served = broker.read(into, offset, Math.min(length, body));
      if (served < 0) {
        return -1;
      }
      body -= served;
    }
    heard.run();
    if (headServed == headBytes && body == 0) {
      head = new byte[1 + LENGTH_BYTES_MAX];
      headBytes = 0;
      headServed = 0;
      headWhole = false;
    }
    return served;
  }

  @Override
  public int available() throws IOException {
    return headWhole ? headBytes - headServed : 0;
  }

  @Override
  public void close() throws IOException {
    broker.close();
  }

  private void awaitGreeting() throws IOException {
    try {
      greeting.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted before the CONNECT was sent");
    }
  }

  /** The fixed header, and of a CONNACK everything; false at the end of the stream. */
  private boolean readHead() throws IOException {
    while (headBytes < 2 || (lengthGoesOn() && headBytes <= LENGTH_BYTES_MAX)) {
      if (!readOne()) {
        return false;
      }
    }
    int remaining = remaining();
    if (lengthGoesOn() || remaining > PahoSession.PACKET_BYTES_MAX) {
      throw new IOException(
          "the broker sends a packet of %d bytes, at most %d are allowed"
              .formatted(remaining, PahoSession.PACKET_BYTES_MAX));
    }
    if ((head[0] & 0xff) >> 4 == CONNACK) {
      return readConnack(remaining);
    }
    body = remaining;
    headWhole = true;
    return true;
  }

  private boolean readOne() throws IOException {
    int next = broker.read();
    if (next < 0) {
      return false;
    }
    if (headBytes == head.length) {
      head = Arrays.copyOf(head, 2 * head.length);
    }
    head[headBytes++] = (byte) next;
    return true;
  }

  private int lengthBytes() {
    int bytes = 1;
    while (bytes < headBytes - 1 && bytes < LENGTH_BYTES_MAX && head[bytes] < 0) {
      bytes++;
    }
    return bytes;
  }

  private boolean lengthGoesOn() {
    return head[lengthBytes()] < 0;
  }

  private int remaining() {
    int remaining = 0;
    for (int i = lengthBytes(); i >= 1; i--) {
      remaining = (remaining << 7) | (head[i] & 0x7f);
    }
    return remaining;
  }

  private boolean readConnack(int remaining) throws IOException {
    int start = 1 + lengthBytes();
    while (headBytes < start + remaining) {
      if (!readOne()) {
        return false;
      }
    }
    // Flags, reason code, then the length of the properties, whose last byte is not negative.
    int at = start + 3;
    while (at < headBytes && head[at - 1] < 0) {
      at++;
    }
    while (at + 2 < headBytes) {
      int width = width(at);
      int property = head[at];
      if (width < 0) {
        break;
      }
      if (property == RECEIVE_MAXIMUM) {
        head[at + 1] = 0x7f;
        head[at + 2] = (byte) 0xff;
      } else if (property == TOPIC_ALIAS_MAXIMUM) {
        head[at + 1] = 0;
        head[at + 2] = 0;
      }
      at += 1 + width;
    }
    headWhole = true;
    return true;
  }

  /** Bytes of the value of the property that begins here; negative when it is unknown. */
  private int width(int at) {
    return switch (head[at]) {
      case 0x11, 0x27 -> 4;
      case 0x13, RECEIVE_MAXIMUM, TOPIC_ALIAS_MAXIMUM -> 2;
      case 0x24, 0x25, 0x28, 0x29, 0x2A -> 1;
      case 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F -> 2 + text(at + 1);
      case 0x26 -> {
        int name = 2 + text(at + 1);
        yield name + 2 + text(at + 1 + name);
      }
      default -> -1;
    };
  }

  private int text(int at) {
    return at + 1 < headBytes ? (head[at] & 0xff) << 8 | (head[at + 1] & 0xff) : headBytes;
  }
}
