package io.skerry.simulator.demo;

import java.io.PrintStream;
import java.util.Locale;

/** What the person at the terminal sees of a running demo. */
final class Progress {
  private static final int STEPS = 9;

  private final PrintStream out;
  private final long startedNanos = System.nanoTime();
  private int step;

  Progress(PrintStream out) {
    this.out = out;
  }

  double seconds() {
    return (System.nanoTime() - startedNanos) / 1e9;
  }

  /** Begins the next of the loop's steps. */
  void step(String what) {
    step++;
    line("%d/%d %s".formatted(step, STEPS, what));
  }

  /** Says something about the current step. */
  void say(String what) {
    line("    " + what);
  }

  private void line(String text) {
    out.println(String.format(Locale.ROOT, "%6.1f s  %s", seconds(), text));
    out.flush();
  }
}
