export { formatDate } from "./date";
export { formatDuration } from "./duration";
export { formatLength } from "./length";
