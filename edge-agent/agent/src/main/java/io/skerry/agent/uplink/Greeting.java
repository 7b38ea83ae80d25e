package io.skerry.agent.uplink;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The moment when Paho has sent its CONNECT, and so has finished starting its threads. What ends a
 * connection before that moment leaves one of them in a loop for ever.
 */
final class Greeting {
  // Paho looks every .1 s whether its threads have started.
  private static final long LONGEST_MILLIS = 2000;

  private final CountDownLatch sent = new CountDownLatch(1);
  private boolean begun;
  private boolean over;

  /**
   * Paho takes the streams and starts its threads.
   *
   * @throws IOException if the connection was ended while it still shook hands
   */
  synchronized void begin() throws IOException {
    if (over) {
      throw new IOException("ended while it connected");
    }
    begun = true;
  }

  OutputStream watch(OutputStream out) {
    return new FilterOutputStream(out) {
      @Override
      public void write(int one) throws IOException {
        sent.countDown();
        out.write(one);
      }

      @Override
      public void write(byte[] bytes, int offset, int length) throws IOException {
        sent.countDown();
        out.write(bytes, offset, length);
      }
    };
  }

  /** Waits for it, if it can still come. */
  void await() throws InterruptedException {
    if (hasBegun() && !sent.await(LONGEST_MILLIS, TimeUnit.MILLISECONDS)) {
      sent.countDown();
    }
  }

  /** Keeps Paho from starting its threads, or waits until it has. */
  void end() throws InterruptedException {
    forbid();
    await();
  }

  private synchronized boolean hasBegun() {
    return begun;
  }

  private synchronized void forbid() {
    over = true;
  }
}
