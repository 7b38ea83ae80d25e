package io.skerry.control.overview;

import io.skerry.api.Overview;
import io.skerry.control.page.Templates;
import java.util.Locale;
import java.util.Optional;

/** A part of the page that is fetched by itself when it has changed. */
enum Part {
  ATTENTION,
  LOOP,
  ROLLOUTS,
  DEVICES,
  DRIFT,
  TELEMETRY,
  RUNS,
  MODELS;

  static Optional<Part> named(String name) {
    for (Part part : values()) {
      if (part.wireName().equals(name)) {
        return Optional.of(part);
      }
    }
    return Optional.empty();
  }

  String wireName() {
    return name().toLowerCase(Locale.ROOT);
  }

  String render(Templates templates, Overview overview) {
    return switch (this) {
      case ATTENTION -> templates.attention(overview).render();
      case LOOP -> templates.loop(overview).render();
      case ROLLOUTS -> templates.rollouts(overview).render();
      case DEVICES -> templates.devices(overview).render();
      case DRIFT -> templates.drift(overview).render();
      case TELEMETRY -> templates.telemetry(overview).render();
      case RUNS -> templates.runs(overview).render();
      case MODELS -> templates.models(overview).render();
    };
  }
}
