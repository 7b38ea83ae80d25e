package io.skerry.bench;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

/**
 * One promise and what was measured.
 *
 * @param required what must be, with its relation, for example {@code = 0} or {@code <= 30}
 * @param measured in {@code unit}
 * @param detail what a person wants to know besides
 */
public record Claim(
    String name, String required, double measured, String unit, boolean held, String detail) {
  /** What was measured, without a needless fraction. */
  String figure() {
    return measured == Math.rint(measured) ? Long.toString((long) measured) : "" + measured;
  }

  JsonElement toJson() {
    JsonObject claim = new JsonObject();
    claim.addProperty("name", name);
    claim.addProperty("required", required);
    if (measured == Math.rint(measured)) {
      claim.addProperty("measured", (long) measured);
    } else {
      claim.addProperty("measured", measured);
    }
    claim.addProperty("unit", unit);
    claim.addProperty("held", held);
    claim.addProperty("detail", detail);
    return claim;
  }
}
