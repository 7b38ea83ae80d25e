package io.skerry.cli;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.skerry.api.client.SkerryClient;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.StreamSupport;

/** Follows a long piece of work to its end, telling each change on standard error. */
final class Watch {
  static final Set<String> GOOD_ENDS = Set.of("SUCCEEDED");
  static final Set<String> BAD_ENDS =
      Set.of("FAILED", "CANCELLED", "ABORTED", "ROLLED_BACK", "SUPERSEDED");

  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);

  private Watch() {}

  /**
   * Asks until the work has ended.
   *
   * @return exit code 0 or 6, by how it ended
   * @throws CommandFailed with code 7 when the time is over first
   */
  static int follow(
      SkerryClient client,
      String path,
      Duration timeout,
      Function<JsonObject, String> told,
      PrintWriter err)
      throws InterruptedException {
    long deadline = System.nanoTime() + timeout.toNanos();
    String before = "";
    while (true) {
      JsonObject document = client.get(path, JsonObject.class);
      String now = Table.printable(told.apply(document));
      if (!now.equals(before)) {
        err.println(now);
        before = now;
      }
      String state = Json.text(document, "state");
      if (GOOD_ENDS.contains(state)) {
        // What succeeded may still say what it could not do.
        return Json.find(document, "error").isEmpty() ? ExitCodes.DONE : ExitCodes.BAD_RESULT;
      }
      if (BAD_ENDS.contains(state)) {
        return ExitCodes.BAD_RESULT;
      }
      if (System.nanoTime() + LOOK_EVERY.toNanos() > deadline) {
        throw new CommandFailed(
            ExitCodes.TIMEOUT,
            "still %s after %d s; it goes on without this command"
                .formatted(state, timeout.toSeconds()));
      }
      Thread.sleep(LOOK_EVERY);
    }
  }

  /** State, step and error of a run or a packaging in one line. */
  static String work(JsonObject document) {
    StringBuilder line = new StringBuilder(Json.text(document, "state"));
    Json.find(document, "progress")
        .ifPresent(
            progress ->
                line.append(" · ")
                    .append(Json.text(document, "progress.step"))
                    .append(' ')
                    .append(Json.text(document, "progress.done"))
                    .append('/')
                    .append(Json.text(document, "progress.total"))
                    .append(' ')
                    .append(Json.text(document, "progress.message")));
    Json.find(document, "error")
        .ifPresent(error -> line.append(" · ").append(Json.text(document, "error.detail")));
    if (awaiting(Json.array(document, "variants")) > 0) {
      line.append(" · ").append(variants(Json.array(document, "variants")));
    }
    return line.toString();
  }

  /** How many variants devices can get, and how many await the release key's signature. */
  static String variants(JsonArray variants) {
    long awaiting = awaiting(variants);
    return "%d released%s"
        .formatted(
            count(variants, "RELEASED"),
            awaiting == 0 ? "" : ", %d AWAITING_SIGNATURE".formatted(awaiting));
  }

  private static long awaiting(JsonArray variants) {
    return count(variants, "AWAITING_SIGNATURE");
  }

  private static long count(JsonArray variants, String state) {
    return StreamSupport.stream(variants.spliterator(), false)
        .filter(
            one -> one instanceof JsonObject variant && Json.text(variant, "state").equals(state))
        .count();
  }
}
