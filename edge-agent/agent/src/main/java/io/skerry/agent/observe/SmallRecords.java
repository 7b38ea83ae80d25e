package io.skerry.agent.observe;

import io.skerry.agent.observe.DayBytes.Kind;
import io.skerry.telemetry.sketch.DayParts;
import io.skerry.telemetry.sketch.DayParts.Limits;
import io.skerry.telemetry.sketch.DayUse;
import io.skerry.wire.fleet.v1.Event;
import io.skerry.wire.fleet.v1.Record;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Events and outcomes of a device within their parts of the day's bytes. Not thread-safe. */
final class SmallRecords {
  /** The code of the event that tells that the day has no bytes left for outcomes. */
  static final String OUTCOMES_USED_UP = "OUTCOME_BYTES_USED_UP";

  /** News of a day that are told from repetitions; more are taken for these. */
  static final int NEWS_MAX = 64;

  /** Characters of an event's text while there is a limit: it is small, whatever it tells of. */
  static final int DETAIL_MAX = 512;

  private static final String CUT = "...";

  private final DayBytes days;
  private final DayUse events;
  private final DayUse outcomes;
  private final DayUse ofDevice;
  private final DayParts parts;
  private final Set<String> news = new HashSet<>();
  private long newsDay = Long.MIN_VALUE;
  private long refusedDay = Long.MIN_VALUE;

  SmallRecords(DayBytes days) {
    this.days = days;
    this.events = days.use(DayBytes.DEVICE, Kind.EVENTS);
    this.outcomes = days.use(DayBytes.DEVICE, Kind.OUTCOMES);
    this.ofDevice = days.use(DayBytes.DEVICE, Kind.WINDOWS);
    this.parts = new DayParts(events, outcomes, ofDevice);
  }

  /** Bytes of so many a day that windows leave to events. */
  long keptFree(long bytesPerDay) {
    return parts.keptFree(bytesPerDay);
  }

  /** The event as it may be sent; empty when the day has no room for it. */
  Optional<Record> event(Record event, long nowMillis, Limits limits) {
    if (limits.windowBytes() <= 0) {
      return Optional.of(event);
    }
    Record small = cut(event);
    DayParts.Kind kind =
        isNews(small.getEvent(), nowMillis) ? DayParts.Kind.EVENT : DayParts.Kind.REPEATED_EVENT;
    if (!parts.take(kind, nowMillis, small.getSerializedSize(), limits)) {
      return Optional.empty();
    }
    remember(Kind.EVENTS, events, limits.windowBytes());
    rememberOfDevice(limits);
    return Optional.of(small);
  }

  private static Record cut(Record record) {
    String detail = record.getEvent().getDetail();
    if (detail.length() <= DETAIL_MAX) {
      return record;
    }
    int end = DETAIL_MAX - CUT.length();
    end -= Character.isHighSurrogate(detail.charAt(end - 1)) ? 1 : 0;
    return record.toBuilder()
        .setEvent(record.getEvent().toBuilder().setDetail(detail.substring(0, end) + CUT))
        .build();
  }

  // A fault that comes again and again leaves others their room.
  private boolean isNews(Event event, long nowMillis) {
    long day = Math.floorDiv(nowMillis, DayUse.DAY_MILLIS);
    if (day != newsDay) {
      news.clear();
      newsDay = day;
    }
    Map<String, String> attributes = event.getAttributesMap();
    String what =
        String.join(
            " ",
            event.getCode(),
            attributes.getOrDefault("slot", ""),
            attributes.getOrDefault("version", ""));
    return news.size() < NEWS_MAX && news.add(what);
  }

  /** Whether an outcome may be sent today. */
  boolean outcome(Record outcome, long nowMillis, Limits limits) {
    if (limits.outcomes() <= 0) {
      return true;
    }
    if (!parts.take(DayParts.Kind.OUTCOME, nowMillis, outcome.getSerializedSize(), limits)) {
      return false;
    }
    if (limits.outcomeBytes() > 0) {
      remember(Kind.OUTCOMES, outcomes, limits.outcomeBytes());
    } else {
      remember(Kind.OUTCOMES, outcomes, limits.windowBytes());
      rememberOfDevice(limits);
    }
    return true;
  }

  /** Whether none was refused today before; then one has been. */
  boolean isFirstRefusal(long nowMillis) {
    long day = Math.floorDiv(nowMillis, DayUse.DAY_MILLIS);
    boolean first = day != refusedDay;
    refusedDay = day;
    return first;
  }

  // Their parts are of the whole day: what passed of a first one is none of theirs.
  private void remember(Kind kind, DayUse use, long perDay) {
    days.sent(DayBytes.DEVICE, kind, use.day(), use.bytes(), use.largest(perDay));
  }

  private void rememberOfDevice(Limits limits) {
    long largest = ofDevice.largest(limits.windowBytes());
    days.sent(DayBytes.DEVICE, Kind.WINDOWS, ofDevice.day(), ofDevice.bytes(largest), largest);
  }
}
