package io.skerry.control.device;

import io.micronaut.http.HttpResponse;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Delete;
import io.micronaut.http.annotation.Get;
import io.micronaut.http.annotation.Post;
import io.micronaut.http.annotation.QueryValue;
import io.skerry.api.DeviceView;
import io.skerry.api.Page;
import io.skerry.api.RevocationRequest;
import io.skerry.control.access.Allowed;
import io.skerry.control.access.Role;
import io.skerry.control.audit.Actor;
import io.skerry.control.web.ProblemException;
import io.skerry.protocol.ErrorCode;
import java.util.List;

/** Devices. */
@Controller("/v1/devices")
@Allowed(Role.VIEWER)
final class DeviceController {
  private static final int PAGE_SIZE_MAX = 500;

  private final DeviceDirectory directory;
  private final DeviceIdentities identities;

  DeviceController(DeviceDirectory directory, DeviceIdentities identities) {
    this.directory = directory;
    this.identities = identities;
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

  @Post("/{id}/revocation")
  @Allowed(Role.OPERATOR)
  DeviceView revoke(Actor actor, String id, @Body RevocationRequest request) {
    identities.revoke(actor, id, request.reason());
    return get(id);
  }

  @Delete("/{id}")
  @Allowed(Role.OPERATOR)
  HttpResponse<?> remove(Actor actor, String id) {
    identities.remove(actor, id);
    return HttpResponse.noContent();
  }
}
