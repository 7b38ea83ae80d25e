package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.uplink.PahoLink;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/** What the device's link says while this is open. */
final class LinkLog implements AutoCloseable {
  private static final long WAIT_SECONDS = 60;

  // Every attempt to connect writes some.
  private static final int LINES_MAX = 40;

  private final Logger logger = Logger.getLogger(PahoLink.class.getName());
  private final @Nullable Level before = logger.getLevel();
  private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
  private final Handler handler =
      new Handler() {
        @Override
        public void publish(LogRecord line) {
          lines.add(line.getMessage());
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  LinkLog() {
    logger.setLevel(Level.ALL);
    handler.setLevel(Level.ALL);
    logger.addHandler(handler);
  }

  /** Waits for a line that contains the text. */
  void await(String text) throws InterruptedException {
    List<String> seen = new ArrayList<>();
    String next = "";
    while (!next.contains(text)) {
      assertThat(seen).as("waits for '%s'", text).hasSizeLessThan(LINES_MAX);
      String line = lines.poll(WAIT_SECONDS, TimeUnit.SECONDS);
      assertThat(line).as("waits for '%s', heard %s", text, seen).isNotNull();
      next = String.valueOf(line);
      seen.add(next);
    }
  }

  @Override
  public void close() {
    logger.removeHandler(handler);
    logger.setLevel(before);
  }
}
