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

  private final CountDownLatch begun = new CountDownLatch(1);
  private final CountDownLatch sent = new CountDownLatch(1);

  /** Paho takes the streams and starts its threads. */
  void begin() {
    begun.countDown();
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
    if (begun.getCount() == 0 && !sent.await(LONGEST_MILLIS, TimeUnit.MILLISECONDS)) {
      sent.countDown();
    }
  }
}
