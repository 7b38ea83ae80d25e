package io.skerry.agent.observe;

import io.skerry.telemetry.wire.ModelReference;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The last predictions, by the agent's id and by the client's own; the oldest are forgotten. */
final class RecentPredictions {
  private final int max;
  private final LinkedHashMap<String, Known> byId = new LinkedHashMap<>();
  private final Map<String, String> byClientId = new HashMap<>();

  /** What feedback is joined to. */
  record Known(
      String id,
      String clientId,
      ModelReference model,
      float score,
      int predictedClass,
      long predictedAtMillis) {}

  RecentPredictions(int max) {
    this.max = max;
  }

  void add(Known known) {
    byId.put(known.id(), known);
    if (!known.clientId().isEmpty()) {
      byClientId.put(known.clientId(), known.id());
    }
    if (byId.size() > max) {
      Known oldest = byId.pollFirstEntry().getValue();
      byClientId.remove(oldest.clientId(), oldest.id());
    }
  }

  Optional<Known> find(String id, String clientId) {
    String key = id.isEmpty() ? byClientId.getOrDefault(clientId, "") : id;
    return Optional.ofNullable(byId.get(key));
  }
}
