/** For editors with their own operational transform: a document's operations in one order, appended on a version or not at all. */
export {
  type Appended,
  type CaughtUp,
  type OperationLog,
  operationLog,
  type OperationLogOptions,
  type Operations,
} from './operation-log.ts';
