// What copyToStandby and copyToDR are, in one file that is loaded as fast as it can be (scripts/build.ts).
export { main as copyToDR } from './copyToDR.ts';
export { main as copyToStandby } from './copyToStandby.ts';
