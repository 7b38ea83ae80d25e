package io.skerry.control.access;

import io.micronaut.core.order.Ordered;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.annotation.RequestFilter;
import io.micronaut.http.annotation.ServerFilter;
import io.micronaut.web.router.RouteAttributes;
import io.micronaut.web.router.RouteMatch;
import io.skerry.control.access.OnPort.Port;
import io.skerry.control.host.DevicePort;
import io.skerry.control.web.ProblemException;
import io.skerry.control.web.RequestIds;
import io.skerry.protocol.ErrorCode;
import java.util.Set;

/** Hides the endpoints of one port from the other. */
@ServerFilter(ServerFilter.MATCH_ALL_PATTERN)
final class PortFilter implements Ordered {
  static final int ORDER = RequestIds.ORDER + 1;

  private final DevicePort devices;

  PortFilter(DevicePort devices) {
    this.devices = devices;
  }

  @Override
  public int getOrder() {
    return ORDER;
  }

  @RequestFilter
  void check(HttpRequest<?> request) {
    RouteMatch<?> route = RouteAttributes.getRouteMatch(request).orElse(null);
    if (route == null) {
      return;
    }
    Port port = devices.isOf(request) ? Port.DEVICES : Port.CONSOLE;
    Port[] named = route.getAnnotationMetadata().enumValues(OnPort.class, Port.class);
    Set<Port> ports = named.length == 0 ? Set.of(Port.CONSOLE) : Set.of(named);
    if (!ports.contains(port)) {
      throw new ProblemException(
          ErrorCode.NOT_FOUND,
          "%s is not on %s: use the other port"
              .formatted(
                  request.getPath(),
                  port == Port.DEVICES ? "the devices' port" : "the console's port"));
    }
  }
}
