package io.skerry.e2e.fault;

import com.google.errorprone.annotations.FormatMethod;
import com.google.errorprone.annotations.FormatString;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What is noted while a fault happens. */
final class Notes {
  private static final int BROKEN_MAX = 20;

  private final List<String> broken = new ArrayList<>();
  private final List<String> figures = new ArrayList<>();
  private Optional<String> notRun = Optional.empty();

  /** Notes a promise that is not kept, unless it is. */
  @FormatMethod
  void require(boolean kept, @FormatString String promise, Object... values) {
    if (!kept && broken.size() < BROKEN_MAX) {
      broken.add(promise.formatted(values));
    }
  }

  /** Notes something counted. */
  @FormatMethod
  void figure(@FormatString String figure, Object... values) {
    figures.add(figure.formatted(values));
  }

  /** Notes that this machine cannot make the fault. */
  void notRun(String why) {
    notRun = Optional.of(why);
  }

  Outcome outcome() {
    return new Outcome(broken, figures, notRun);
  }
}
