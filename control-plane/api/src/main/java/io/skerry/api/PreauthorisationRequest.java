package io.skerry.api;

import java.util.List;

/**
 * Lets devices enrol.
 *
 * @param devices 1 to 1,000 of them; one that is there already is replaced
 */
public record PreauthorisationRequest(List<Preauthorisation> devices) {
  public PreauthorisationRequest {
    devices = List.copyOf(devices);
  }
}
