import { membersContract } from '../../src/testing/members-contract.ts';
import { memoryMembersSubject } from './memory-subject.ts';

membersContract('memory', memoryMembersSubject);
