package io.skerry.agent.boot;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/** A status for people: one line for each part, and the age of everything. */
final class StatusText {
  private static final Duration CLOCK_IS_RIGHT_WITHIN = Duration.ofSeconds(5);

  private final JsonObject status;
  private final Instant now;

  StatusText(JsonObject status, Instant now) {
    this.status = status;
    this.now = now;
  }

  void print(PrintWriter out) {
    boolean running = status.get("running").getAsBoolean();
    boolean ran = status.has("at");
    out.printf("device      %s%s%n", text(status, "device"), ran ? start() : "");
    out.printf(
        "agent       %s%n",
        running
            ? "running, as of " + age(status, "at")
            : status.has("diskFault")
                ? "UNKNOWN: " + text(status, "diskFault")
                : ran
                    ? "NOT RUNNING; what it told last is as of " + age(status, "at")
                    : "NOT RUNNING; it never ran");
    if (ran) {
      printTold(out);
    }
    if (status.has("certificate")) {
      printCertificate(out, status.getAsJsonObject("certificate"));
    }
    if (status.has("clock")) {
      printClock(out, status.getAsJsonObject("clock"));
    }
  }

  private String start() {
    return ", boot %s, started %s".formatted(text(status, "bootEpoch"), age(status, "startedAt"));
  }

  private void printTold(PrintWriter out) {
    if (status.has("listening")) {
      for (JsonElement place : status.getAsJsonArray("listening")) {
        out.printf("listens     %s%n", place.getAsString());
      }
    }
    out.printf(
        "link        %s, control plane heard %s, records committed %s%n",
        text(status, "link"), age(status, "heardAt"), age(status, "committedAt"));
    out.printf(
        "orders      seen %s, carried out %s, last one came %s%n",
        text(status, "observed"), text(status, "applied"), age(status, "desiredAt"));
    for (JsonElement element : status.getAsJsonArray("slots")) {
      JsonObject slot = element.getAsJsonObject();
      out.printf(
          "slot %-6s %s, runs %s, %s predictions, %s failed%s%n",
          text(slot, "slot"),
          text(slot, "phase"),
          slot.has("running")
              ? text(slot, "running") + " since " + age(slot, "runningSince")
              : "nothing",
          text(slot, "predictions"),
          text(slot, "predictionsFailed"),
          slot.has("error") ? ", " + text(slot, "error") : "");
    }
    out.printf(
        "telemetry   waiting %s, oldest %s, dropped %s, damaged %s, skipped %s%n",
        status.get("waiting"),
        age(status, "oldestWaiting"),
        status.get("dropped"),
        text(status, "damaged"),
        text(status, "skipped"));
    if (status.has("telemetryFault")) {
      out.printf("            OFF: %s%n", text(status, "telemetryFault"));
    }
    if (status.has("trust")) {
      JsonObject trust = status.getAsJsonObject("trust");
      out.printf(
          "trust       root %s %s, snapshot %s%n",
          text(trust, "root"),
          end(trust, "rootExpires"),
          trust.has("snapshot")
              ? "%s issued %s, %s"
                  .formatted(
                      text(trust, "snapshot"),
                      age(trust, "snapshotIssued"),
                      end(trust, "snapshotExpires"))
              : "none");
    }
  }

  private void printCertificate(PrintWriter out, JsonObject certificate) {
    out.printf(
        "certificate %s, renewal %s (%s)%n",
        end(certificate, "expires"),
        now.isBefore(at(certificate, "renewalDue"))
            ? "due in " + words(Duration.between(now, at(certificate, "renewalDue")))
            : "due since " + words(Duration.between(at(certificate, "renewalDue"), now)),
        text(certificate, "renewal").toLowerCase(Locale.ROOT));
    if (certificate.has("fault")) {
      out.printf("            %s%n", text(certificate, "fault"));
    }
  }

  private void printClock(PrintWriter out, JsonObject clock) {
    Duration corrected = Duration.ofMillis(clock.get("correctedMillis").getAsLong());
    out.printf(
        "clock       system says %s, %s; the true time is later than %s%n",
        text(clock, "system"),
        corrected.abs().compareTo(CLOCK_IS_RIGHT_WITHIN) < 0
            ? "and counts"
            : "corrected by %s%s"
                .formatted(corrected.isNegative() ? "-" : "+", words(corrected.abs())),
        text(clock, "floor"));
  }

  private static String text(JsonObject object, String key) {
    return object.get(key).getAsString();
  }

  private static Instant at(JsonObject object, String key) {
    return Instant.parse(text(object, key));
  }

  private String age(JsonObject object, String key) {
    return object.has(key) ? words(Duration.between(at(object, key), now)) + " ago" : "never";
  }

  private String end(JsonObject object, String key) {
    Instant end = at(object, key);
    return now.isBefore(end)
        ? "expires in " + words(Duration.between(now, end))
        : "EXPIRED " + words(Duration.between(end, now)) + " ago";
  }

  private static String words(Duration duration) {
    long seconds = Math.max(0, duration.toSeconds());
    if (seconds < 120) {
      return seconds + " s";
    }
    if (seconds < 2 * 3600) {
      return seconds / 60 + " min";
    }
    return seconds < 48 * 3600 ? seconds / 3600 + " h" : seconds / 86_400 + " d";
  }
}
