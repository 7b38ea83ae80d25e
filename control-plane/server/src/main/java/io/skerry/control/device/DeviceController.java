package io.skerry.control.device;

import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.QueryValue;
import io.skerry.api.DeviceView;
import io.skerry.api.Page;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.util.List;

/** Devices. */
@Controller("/v1/devices")
@Allowed(Role.VIEWER)
final class DeviceController {
  private static final int PAGE_SIZE_MAX = 500;

  private final DeviceDirectory directory;

  DeviceController(DeviceDirectory directory) {
    this.directory = directory;
  }

  @Get
  Page<DeviceView> list(
      @QueryValue(defaultValue = "100") int pageSize,
      @QueryValue(defaultValue = "") String pageToken) {
    int limit = Math.clamp(pageSize, 1, PAGE_SIZE_MAX);
    List<DeviceView> devices = directory.after(pageToken, limit);
    return new Page<>(devices, devices.size() == limit ? devices.getLast().id() : null);
  }

  @Get("/{id}")
  DeviceView get(String id) {
    return directory
        .find(id)
        .orElseThrow(
            () -> new ProblemException(ErrorCode.NOT_FOUND, "no device '%s'".formatted(id)));
  }
}
